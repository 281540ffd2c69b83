"""A folder that appears whole or not at all."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from microformer.errors import OutputError

MARKER = "microformer/manifest.json"
"""The file by which a folder is known to be ours, and so may be replaced with ``force``."""


def check_free(folder: Path, *, force: bool, marker: str = MARKER) -> None:
    """OutputError unless ``folder`` may be written: new, empty, or ours and ``force``."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise OutputError(f"'{folder}' exists and is not a folder; choose another output.")
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not force:
        raise OutputError(
            f"The output folder '{folder}' exists already; choose another or pass --force."
        )
    if not (folder / marker).is_file():
        raise OutputError(
            f"'{folder}' holds files that microformer did not write, so --force will not replace "
            "it; choose another output folder."
        )


def write_folder(
    files: Mapping[str, str | bytes], folder: Path, *, force: bool, marker: str = MARKER
) -> None:
    """Write ``files`` (relative path -> content) as ``folder``, by way of a temporary one."""
    check_free(folder, force=force, marker=marker)
    folder = folder.absolute()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise OutputError(f"'{folder}' cannot be written: {error.strerror}.") from None
    try:
        fresh = staging / "new"
        for name, content in files.items():
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            data = content.encode("utf-8") if isinstance(content, str) else content
            path.write_bytes(data)
        if folder.exists():
            folder.replace(staging / "old")  # kept until the new one stands
        fresh.replace(folder)
    except OSError as error:
        if (staging / "old").exists() and not folder.exists():
            (staging / "old").replace(folder)
        raise OutputError(f"'{folder}' cannot be written: {error.strerror}.") from None
    finally:
        shutil.rmtree(staging, ignore_errors=True)
