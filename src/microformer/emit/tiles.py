"""The body of a layer on a cluster that is done tile by tile, its operands coming from L2.

Core 0 starts all copies; the engine does them in order. At tile t the copy that was started last
is the input of tile t, behind the output of tile t - 2: waiting for it makes both buffers of
the tile free. The one barrier a tile then tells all cores so, and tells core 0 that tile t - 1
is computed: its output leaves and the input of tile t + 1 comes while tile t is computed.

Where L1 has no room for two buffers, a tile's output leaves and the next one's input comes between
two barriers, and all wait for it.
"""

from collections.abc import Callable, Sequence

from microformer.emit.names import wrapped
from microformer.graph.kernel_graph import Arg, KernelCall, Operand


class TiledBody:
    """Writes the statements of one layer.

    ``home(tensor)`` is C for the first byte of an operand where it lies, ``argument(arg)`` that of
    an argument that no tile changes, ``array(tensor)`` a constant's name; ``scratch`` is the
    call's place in the arena.
    """

    def __init__(
        self,
        call: KernelCall,
        scratch: int,
        home: Callable[[str], str],
        argument: Callable[[Arg], str],
        array: Callable[[str], str],
    ) -> None:
        assert call.tiling is not None
        self._call, self._tiling = call, call.tiling
        self._scratch, self._home, self._argument = scratch, home, argument
        self._array = array
        self._operands = {o.tensor: o for o in call.tiling.operands}
        self._in_l1 = dict(call.tiling.constants)
        self._tables: list[tuple[int, ...]] = []

    def lines(self) -> list[str]:
        """C statements."""
        tiling, last = self._tiling, self._tiling.count - 1
        moved = [o for o in tiling.operands if o.buffers and not o.out]
        drained = [o for o in tiling.operands if o.buffers and o.out]
        begin = [self._constant(name) for name in self._in_l1]
        behind = [self._drain(o, "t - 1") for o in drained]
        end = [self._drain(o, str(last), last) for o in drained]
        body = ["if (first) {", "  mf_copied(number);", "}", "mf_barrier();"]
        if last and tiling.buffering == 1:
            changing = [o for o in moved if any(s != o.spans[0] for s in o.spans)]
            begin += [self._bring(o, "0", 0) for o in moved if o not in changing]
            now = [self._bring(o, "t") for o in changing]
            body = ["mf_barrier();", *_when("first && t > 0", behind), *_when("first", now), *body]
        else:
            ahead = [self._bring(o, "t + 1") for o in moved if len(o.buffers) > 1]
            begin += [self._bring(o, "0", 0) for o in moved]
            if last:
                body += [*_when("first && t > 0", behind), *_when(f"first && t < {last}", ahead)]
        kernel = wrapped(f"{self._call.symbol}(", self._arguments(), ");")
        body += kernel if self._call.all_cores else _block("if (first) {", kernel)
        lines = [_table(i, values) for i, values in enumerate(self._tables)]
        lines += ["const int32_t first = mf_core() == 0;", "int32_t number = 0;"]
        lines += _when("first", begin)
        lines += _block(f"for (int32_t t = 0; t <= {last}; t++) {{", body) if last else body
        if end:
            lines += ["mf_barrier();", *_when("first", [*end, ["mf_copied(number);"]])]
        return [f"  {line}" for line in lines]

    def _arguments(self) -> list[str]:
        integers = iter(zip(*self._tiling.integers, strict=True))
        return [
            self._series(next(integers), "t") if arg.kind == "int" else self._pointer(arg)
            for arg in self._call.args
        ]

    def _pointer(self, arg: Arg) -> str:
        name = str(arg.value)
        const = "" if arg.kind == "out" else "const "
        if name in self._in_l1:
            return f"(const void *)({self._arena(self._in_l1[name])})"
        if arg.kind == "scratch" and self._tiling.kernel_bytes == 0:
            return "0"  # the first byte there is a staging buffer's
        operand = self._operands.get(name)
        if operand is None:
            return self._argument(arg)
        place = self._buffer(operand, "t") if operand.buffers else self._lies(operand, "t")
        return f"({const}void *)({place})"

    def _arena(self, offset: int) -> str:
        return f"arena + {self._scratch + offset}"

    def _buffer(self, operand: Operand, t: str, number: int | None = None) -> str:
        """The staging buffer of tile ``t``, whose number may be known."""
        first = self._arena(operand.buffers[0])
        if len(operand.buffers) == 1:
            return first
        if number is not None:
            return self._arena(operand.buffers[number % 2])
        step = operand.buffers[1] - operand.buffers[0]
        inner = t if " " not in t else f"({t})"
        return f"{first} + {step} * ({inner} & 1)"

    def _lies(self, operand: Operand, t: str, number: int | None = None) -> str:
        offsets = [s.offset for s in operand.spans]
        if number is not None:
            offsets = [offsets[number]]
        offset = self._series(offsets, t)
        home = self._home(operand.tensor)
        return home if offset == "0" else f"{home} + {offset}"

    def _runs(self, operand: Operand, t: str, number: int | None) -> tuple[str, str, str]:
        """(width, rows, pitch); one run where runs follow each other."""
        spans = operand.spans if number is None else operand.spans[number : number + 1]
        if all(s.dense for s in spans):
            return self._series([s.nbytes for s in spans], t), "1", ""
        fields = ([s.width for s in spans], [s.rows for s in spans], [s.pitch for s in spans])
        width, rows, pitch = (self._series(values, t) for values in fields)
        return width, rows, pitch

    def _bring(self, operand: Operand, t: str, number: int | None = None) -> list[str]:
        width, rows, pitch = self._runs(operand, t, number)
        strides = (width, pitch) if pitch else ("0", "0")
        to, source = self._buffer(operand, t, number), self._lies(operand, t, number)
        return _copy(to, source, width, rows, *strides)

    def _drain(self, operand: Operand, t: str, number: int | None = None) -> list[str]:
        width, rows, pitch = self._runs(operand, t, number)
        strides = (pitch, width) if pitch else ("0", "0")
        to, source = self._lies(operand, t, number), self._buffer(operand, t, number)
        return _copy(to, source, width, rows, *strides)

    def _constant(self, name: str) -> list[str]:
        size = f"(int32_t)sizeof {self._array(name)}"
        return _copy(self._arena(self._in_l1[name]), self._home(name), size, "1", "0", "0")

    def _series(self, values: Sequence[int], t: str) -> str:
        """What an integer is in tile ``t``: literal, a straight line, or looked up."""
        first, step = values[0], values[1] - values[0] if len(values) > 1 else 0
        if all(v == first + i * step for i, v in enumerate(values)):
            if step == 0:
                return _literal(first)
            line = f"{step} * ({t})" if " " in t else f"{step} * {t}"
            return line if first == 0 else f"{first} + {line}"
        if tuple(values) not in self._tables:
            self._tables.append(tuple(values))
        return f"of_tile_{self._tables.index(tuple(values))}[{t}]"


def _literal(value: int) -> str:
    return "(-2147483647 - 1)" if value == -(2**31) else str(value)


def _table(number: int, values: tuple[int, ...]) -> str:
    text = ", ".join(map(_literal, values))
    return f"static const int32_t of_tile_{number}[{len(values)}] = {{{text}}};"


def _copy(*arguments: str) -> list[str]:
    line = f"number = mf_copy_rows({', '.join(arguments)});"
    return [line] if len(line) <= 92 else wrapped("number = mf_copy_rows(", list(arguments), ");")


def _block(head: str, lines: list[str]) -> list[str]:
    return [head, *(f"  {line}" for line in lines), "}"]


def _when(condition: str, statements: list[list[str]]) -> list[str]:
    lines = [line for statement in statements for line in statement]
    return _block(f"if ({condition}) {{", lines) if lines else []
