"""The program file: one C function a layer, and the function that runs them in order."""

from collections import Counter
from functools import partial

from microformer.emit.ends import CEnd, c_ends, second_arena
from microformer.emit.general import any_name, general_calls, general_function
from microformer.emit.header import declaration
from microformer.emit.licence import c_line, written
from microformer.emit.names import Names, comment, identifier, wrapped
from microformer.emit.preamble import preamble
from microformer.emit.states import c_states, state_functions
from microformer.emit.tiles import TiledBody
from microformer.graph.kernel_graph import Arg, ArgKind, KernelCall, Plan
from microformer.graph.project import Buffer, Layer

Key = tuple[str, tuple[tuple[ArgKind, str | int], ...]]
"""A kernel and its integers: layers that agree in it can share one specialised function."""


def _key(call: KernelCall) -> Key:
    kinds = tuple((a.kind, a.value if a.kind == "int" else "") for a in call.args)
    return call.symbol, kinds


class Program:
    """Writes ``<name>.c`` for a plan."""

    def __init__(self, plan: Plan, name: str, names: Names, optimize: str = "speed") -> None:
        self._plan = plan
        self._graph = plan.graph
        self._name = name
        self._names = names
        inputs, outputs = c_ends(plan, name)
        self._inputs = {end.buffer: end for end in inputs}
        self._outputs = {end.buffer: end for end in outputs}
        self._second = second_arena(plan)
        self._cluster = plan.graph.target.is_cluster
        self._tiled = any(call.tiling is not None for call in self._graph.calls)
        self._general = general_calls(plan, optimize)
        counts = Counter(
            _key(call)
            for index, call in enumerate(self._graph.calls)
            if call.tiling is None and index not in self._general
        )
        self._shared = [key for key, count in counts.items() if count > 1]

    def layers(self) -> tuple[Layer, ...]:
        """The layers in execution order with the symbols of their functions."""
        return tuple(
            Layer(
                name=call.name,
                symbol=self._symbol(index, call),
                op=call.op,
                kernel=call.symbol,
                shape=call.shape,
                macs=call.macs,
                output=call.output,
                weight_bytes=self._weight_bytes(call),
                ram_bytes=self._ram_bytes(call),
                reads=self._reads(index, call),
            )
            for index, call in enumerate(self._graph.calls)
        )

    def buffers(self) -> tuple[Buffer, ...]:
        """What lies where in the arenas, and which layers need it; scratch of a layer too."""
        plan = self._plan
        found = [
            Buffer(name, memory, offset, self._graph.tensors[name].nbytes, *plan.lifetimes[name])
            for memory, offsets in (("arena", plan.offsets), ("second", plan.l2_offsets))
            for name, offset in offsets.items()
        ]
        for index, call in enumerate(self._graph.calls):
            if (offset := plan.scratch_offsets[index]) >= 0:
                size = call.scratch_bytes
                found.append(Buffer(call.name, "arena", offset, size, index, index, True))
        return tuple(found)

    def _reads(self, index: int, call: KernelCall) -> tuple[int, ...]:
        """The layers before that wrote what ``call`` reads, by the buffers that they wrote to."""
        found: set[int] = set()
        for name in call.inputs:
            buffer = self._graph.buffer(name)
            writers = [
                before
                for before, other in enumerate(self._graph.calls[:index])
                if self._graph.buffer(other.output) == buffer
            ]
            found.update(writers or [-1])
        return tuple(sorted(found))

    def _weight_bytes(self, call: KernelCall) -> int:
        names = {str(a.value) for a in call.args if a.kind == "const"}
        return sum(self._graph.tensors[n].nbytes for n in names)

    def _ram_bytes(self, call: KernelCall) -> int:
        buffers = {self._graph.buffer(n) for n in (*call.inputs, call.output)}
        return call.scratch_bytes + sum(self._graph.tensors[b].nbytes for b in buffers)

    def source(self) -> str:
        """The whole C file."""
        kernels = sorted({call.symbol for call in self._graph.calls})
        lines = [c_line(), f"/* {self._name}: the program; see {self._name}.h. {written()} */"]
        defines = [f"#define {d} 1" for d in self._graph.target.defines]
        if self._cluster:
            defines.append(f"#define MF_CORES {self._graph.target.cores}")
        lines += [*defines, *[""] * bool(defines)]
        lines += [f'#include "{self._name}.h"', "", f'#include "{self._name}_weights.h"']
        lines += [f'#include "mf/{symbol}.h"' for symbol in kernels]
        lines += ['#include "mf/mf_cluster.h"'] * (self._cluster or self._tiled)
        lines += preamble(self._graph, general=bool(self._general))
        for number, key in enumerate(self._shared):
            lines += self._shared_function(number, key)
        for symbol in sorted({self._graph.calls[i].symbol for i in self._general}):
            lines += general_function(symbol)
        for index, call in enumerate(self._graph.calls):
            lines += self._layer(index, call)
        lines += self._run()
        lines += state_functions(self._plan, self._name)
        return "\n".join(lines)

    def _symbol(self, index: int, call: KernelCall) -> str:
        return f"layer_{index:02d}_{identifier(call.name)}"

    def _uses(self, call: KernelCall) -> tuple[list[CEnd], bool, bool]:
        """(inputs and outputs, whether it touches the arena, the one in L2)."""
        buffers = {self._graph.buffer(n) for n in (*call.inputs, call.output)}
        callers = {**self._inputs, **self._outputs}
        ends = [end for buffer, end in callers.items() if buffer in buffers]
        arena = any(b in self._plan.offsets for b in buffers) or call.scratch_bytes > 0
        return ends, arena, any(b in self._plan.l2_offsets for b in buffers)

    def _parameters(self, call: KernelCall, typed: bool) -> str:
        ends, arena, l2 = self._uses(call)
        chosen = [end.declared if typed else end.parameter for end in ends]
        if arena:
            chosen.append("uint8_t *arena" if typed else "bytes")
        if l2:
            chosen.append(f"uint8_t *{self._second}" if typed else f"{self._second}_bytes")
        return ", ".join(chosen) or ("void" if typed else "")

    def _place(self, tensor: str) -> str:
        """C expression for the first byte of an activation."""
        buffer = self._graph.buffer(tensor)
        offset = self._graph.views[tensor].offset if tensor in self._graph.views else 0
        for callers in (self._inputs, self._outputs):
            if buffer in callers:
                name = callers[buffer].parameter
                return f"{name} + {offset}" if offset else name
        if buffer in self._plan.l2_offsets:
            return f"{self._second} + {self._plan.l2_offsets[buffer] + offset}"
        return f"arena + {self._plan.offsets[buffer] + offset}"

    def _argument(self, arg: Arg, index: int) -> str:
        match arg.kind:
            case "int":
                value = int(arg.value)
                return "(-2147483647 - 1)" if value == -(2**31) else str(value)
            case "null":
                return "0"
            case "const":
                return self._names(str(arg.value))
            case "scratch":
                offset = self._plan.scratch_offsets[index]
                return f"arena + {offset}" if offset >= 0 else "0"
            case _:
                place = self._place(str(arg.value))
                if not place.startswith(("arena", "l2")):
                    return place
                wide = self._graph.tensors[str(arg.value)].dtype == "int16"
                dtype = "void" if wide else "int8_t"  # movements take int16 as bytes
                return f"({'const ' if arg.kind == 'in' else ''}{dtype} *)({place})"

    def _shared_name(self, number: int, key: Key) -> str:
        return f"{key[0].removeprefix('mf_')}_{number}"

    def _shared_function(self, number: int, key: Key) -> list[str]:
        """A kernel with its integers filled in, for all layers of the same shape."""
        symbol, kinds = key
        parameters, arguments = [], []
        for place, (kind, value) in enumerate(kinds):
            if kind in {"in", "const", "out", "scratch"}:
                constant = "const " if kind in {"in", "const"} else ""
                parameters.append(f"{constant}void *a{place}")
                arguments.append(f"a{place}")
            else:
                arguments.append(self._argument(Arg(kind, value), 0))
        name = self._shared_name(number, key)
        return [
            "/* For several layers of one shape. */",
            *wrapped(f"MF_LAYER {name}(", parameters, ") {"),
            *wrapped(f"  {symbol}(", arguments, ");"),
            "}",
            "",
        ]

    def _layer(self, index: int, call: KernelCall) -> list[str]:
        cost = f", {call.macs} MAC" if call.macs else ""
        cost += f", {call.tiling.count} tiles" if call.tiling is not None else ""
        body = self._call(index, call) if call.tiling is None else self._tiles(index, call)
        return [
            f"/* {comment(f'{call.name}: {call.op} {call.shape}{cost}')} */",
            f"MF_LAYER {self._symbol(index, call)}({self._parameters(call, typed=True)}) {{",
            *body,
            "}",
            "",
        ]

    def _call(self, index: int, call: KernelCall) -> list[str]:
        """The kernel on the whole layer."""
        key, callee = _key(call), call.symbol
        used = list(enumerate(call.args))
        if index in self._general:
            callee = any_name(call.symbol)
        elif key in self._shared:
            callee = self._shared_name(self._shared.index(key), key)
            used = [(i, a) for i, a in used if a.kind not in {"int", "null"}]
        arguments = [self._argument(a, index) for _, a in used]
        lines = ["  if (mf_core() != 0) {", "    return; /* one core does it all */", "  }"]
        return [
            *lines * (self._cluster and not call.all_cores),
            *wrapped(f"  {callee}(", arguments, ");"),
        ]

    def _tiles(self, index: int, call: KernelCall) -> list[str]:
        """The kernel on one tile after the other."""

        def home(tensor: str) -> str:
            if self._graph.tensors[tensor].data is not None:
                name = self._names(tensor)  # offsets are in bytes, whatever the constant's type
                byte = self._graph.tensors[tensor].itemsize == 1
                return name if byte else f"(const int8_t *){name}"
            place = self._place(tensor)
            whole = self._graph.tensors[self._graph.buffer(tensor)].dtype == "int8"
            return place if whole or not place.startswith("in") else f"(const int8_t *){place}"

        scratch = self._plan.scratch_offsets[index]
        argument = partial(self._argument, index=index)
        return TiledBody(call, scratch, home, argument, self._names).lines()

    def _windows(self) -> dict[str, str]:
        """For the input of each window the condition under which it must be copied at all."""
        found = {}
        for state in c_states(self._plan, self._name):
            if state.shift:
                read, written = state.read.parameter, state.written.parameter
                found[state.read.buffer] = f"{read} + {state.shift} != {written}"
        return found

    def _run(self) -> list[str]:
        l2 = bool(self._plan.l2_bytes)
        lines = declaration(self._plan, self._name, " {")
        used = {end.buffer for call in self._graph.calls for end in self._uses(call)[0]}
        unused = [end for buffer, end in self._inputs.items() if buffer not in used]
        lines += [f"  (void){end.parameter}; /* no output needs it */" for end in unused]
        if l2:
            lines.append(f"  uint8_t *const {self._second}_bytes = (uint8_t *){self._second};")
        if any(self._uses(call)[1] for call in self._graph.calls):
            lines.append("  uint8_t *const bytes = (uint8_t *)arena;")
        else:
            lines.append("  (void)arena;")
        alignment = f"{self._name.upper()}_ARENA_ALIGNMENT - 1u"
        for memory in ("arena", *[self._second] * bool(l2)):
            lines.append(f"  MF_ASSERT(((uintptr_t){memory} & ({alignment})) == 0);")
        windows = self._windows()
        for index, call in enumerate(self._graph.calls):
            arguments = self._parameters(call, typed=False)
            lines += [f"  MF_LAYER_AT({index});"] * (not self._cluster)
            run = [f"  {self._symbol(index, call)}({arguments});"]
            run += ["  mf_barrier();"] * self._cluster
            if there := windows.get(self._graph.buffer(call.inputs[0]) if call.inputs else ""):
                run = [f"  if ({there}) {{ /* else a window, moved on: it is there already */"]
                run += [f"    {self._symbol(index, call)}({arguments});"]
                run += ["    mf_barrier();"] * self._cluster + ["  }"]
            lines += run
        lines += [f"  MF_LAYER_AT({len(self._graph.calls)});"] * (not self._cluster)
        lines += ["}", ""]
        if self._cluster:
            lines += [f"int32_t {self._name}_core(void) {{", "  return mf_core();", "}", ""]
            lines += [f"void {self._name}_barrier(void) {{", "  mf_barrier();", "}", ""]
        return lines
