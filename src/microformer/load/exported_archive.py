"""The entries of a .pt2 archive: JSON, and tensors as plain bytes. Nothing is unpickled."""

import json
import math
import zipfile
from typing import TYPE_CHECKING, Any

from microformer.errors import ModelError

if TYPE_CHECKING:
    import torch

_DTYPES = {1: "uint8", 2: "int8", 3: "int16", 4: "int32", 5: "int64", 6: "float16"}
_DTYPES |= {7: "float32", 8: "float64", 12: "bool", 13: "bfloat16"}


class Archive:
    """What torch.export.save wrote, called ``label`` in errors, ``most`` bytes of it at most."""

    def __init__(self, archive: zipfile.ZipFile, label: str, most: int) -> None:
        self._archive, self._label, self._left = archive, label, most
        self._names = set(archive.namelist())
        self._root = next((n.split("/", 1)[0] for n in sorted(self._names) if "/" in n), "")

    def fail(self, what: str) -> ModelError:
        """The error that says ``what`` of the file."""
        return ModelError(f"Cannot load {self._label}: {what}.")

    def has(self, name: str) -> bool:
        """Whether there is an entry ``name``."""
        return f"{self._root}/{name}" in self._names

    def read(self, name: str) -> bytes:
        """The bytes of an entry; KeyError where there is none."""
        info = self._archive.getinfo(f"{self._root}/{name}")
        self._left -= info.file_size
        if self._left < 0:
            raise self.fail("it holds more than 1 GiB, which no microcontroller does")
        with self._archive.open(info) as stream:
            data = stream.read(info.file_size + 1)
        if len(data) != info.file_size:
            raise self.fail("a part of it is not as long as it says: save it again")
        return data

    def json(self, name: str) -> Any:
        """What an entry says."""
        return json.loads(self.read(name))

    def tensors(self) -> dict[str, "torch.Tensor"]:
        """Weights and constants by name, from plain bytes."""
        found: dict[str, torch.Tensor] = {}
        for folder, config in (("weights", "model_weights"), ("constants", "model_constants")):
            name = f"data/{folder}/{config}_config.json"
            if not self.has(name):
                continue
            for held, entry in self.json(name)["config"].items():
                if entry["use_pickle"]:
                    raise self.fail(f"tensor '{held}' is a pickle, which microformer never reads")
                data = self.read(f"data/{folder}/{entry['path_name']}")
                found[held] = self._tensor(held, data, entry["tensor_meta"])
        return found

    def _tensor(self, name: str, data: bytes, meta: dict[str, Any]) -> "torch.Tensor":
        import torch  # noqa: PLC0415

        kind = getattr(torch, self.dtype(meta["dtype"], name))
        sizes, strides = (tuple(_fixed(d) for d in meta[key]) for key in ("sizes", "strides"))
        offset = _fixed(meta["storage_offset"])
        if 0 in sizes:
            return torch.zeros(sizes, dtype=kind)
        last = offset + sum((d - 1) * s for d, s in zip(sizes, strides, strict=True))
        if min(*sizes, *strides, offset, 0) < 0 or (last + 1) * kind.itemsize > len(data):
            raise self.fail(f"tensor '{name}' is larger than its bytes: save it again")
        flat = torch.frombuffer(bytearray(data), dtype=kind, count=last + 1)
        if math.prod(sizes) > last + 1:  # expanded: a few bytes could claim any size
            raise self.fail(f"tensor '{name}' has elements that share bytes: save a copy of it")
        return flat.as_strided(sizes, strides, offset).clone()

    def dtype(self, number: Any, name: str) -> str:
        """The name of the type with a number of torch's schema."""
        if number not in _DTYPES:
            raise self.fail(f"tensor '{name}' has a type that is not known (number {number!r})")
        return _DTYPES[number]


def _fixed(size: dict[str, Any]) -> int:
    return int(size["as_int"])
