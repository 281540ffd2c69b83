"""Reading .npz archives that anyone may have written: sizes bounded before anything is unpacked."""

import io
import zipfile
from pathlib import Path
from typing import IO

import numpy as np

from microformer.graph.tensor import Array


def read_npz(source: Path | bytes, most_bytes: int) -> dict[str, Array]:
    """All arrays of an archive by name; never pickle.

    Raises ValueError where it is no archive of arrays, or unpacks to more than ``most_bytes``; of
    each member the size that its header claims is compared with the size that is there first.
    """
    stream: IO[bytes] | Path = io.BytesIO(source) if isinstance(source, bytes) else source
    found: dict[str, Array] = {}
    try:
        with zipfile.ZipFile(stream) as archive:
            members = archive.infolist()
            total = sum(member.file_size for member in members)
            if total > most_bytes:
                raise ValueError(f"it unpacks to {total:,} bytes; at most {most_bytes:,} are read")
            for member in members:
                with archive.open(member) as file:
                    found[member.filename.removesuffix(".npy")] = _array(file, member.file_size)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, KeyError) as error:
        raise ValueError(f"it is no archive of arrays ({type(error).__name__})") from None
    except (MemoryError, OverflowError, SyntaxError, TypeError):
        raise ValueError("an array in it has no possible size") from None
    return found


def _array(file: IO[bytes], size: int) -> Array:
    """One member, if its header's size is that of its data."""
    version = np.lib.format.read_magic(file)  # type: ignore[no-untyped-call]
    if version not in ((1, 0), (2, 0)):
        raise ValueError("an array in it is of another format")
    read = np.lib.format.read_array_header_1_0
    if version == (2, 0):
        read = np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(file)  # type: ignore[no-untyped-call]
    count = 1
    for axis in shape:
        count *= int(axis)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which would need pickle")
    if count < 0 or count * dtype.itemsize > size:
        raise ValueError("an array in it claims more than is there")
    data = file.read(count * dtype.itemsize)
    if len(data) != count * dtype.itemsize:
        raise ValueError("an array in it is cut short")
    made = np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
    return made.copy()
