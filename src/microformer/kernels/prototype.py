"""The parameters of a kernel, read from the C that declares it."""

import re
from functools import cache

from microformer.kernels.registry import library_files


@cache
def parameters(symbol: str) -> tuple[str, ...]:
    """Each parameter of the kernel ``symbol`` as C declares it, without comments."""
    text = re.sub(r"/\*.*?\*/", "", library_files([symbol])[f"{symbol}.h"], flags=re.DOTALL)
    (found,) = re.findall(rf"static inline void {symbol}\(([^)]*)\)\s*\{{", text)
    return tuple(" ".join(part.split()) for part in found.split(","))
