"""One runner process a test session (and worker)."""

from collections.abc import Iterator

import pytest
from runner import KernelRunner


@pytest.fixture(scope="session")
def runner() -> Iterator[KernelRunner]:
    """Kernels under sanitizers."""
    made = KernelRunner()
    yield made
    made.close()
