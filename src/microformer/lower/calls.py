"""Nodes to kernel calls: the variant is chosen, constants are packed, arguments laid out."""

from dataclasses import dataclass, field, replace

from microformer.graph.cost import describe, macs
from microformer.graph.int_graph import IntGraph, Node
from microformer.graph.kernel_graph import Arg, KernelCall, View
from microformer.graph.ops import Concat
from microformer.graph.tensor import Tensor, constant
from microformer.kernels.registry import Kernel, select
from microformer.kernels.signatures import Operands, arguments, concat_arguments
from microformer.targets import Target


@dataclass
class Lowering:
    """The KernelGraph under construction. ``aliases`` are tensors that nothing computes."""

    graph: IntGraph
    views: dict[str, View]
    aliases: frozenset[str]
    target: Target
    preferred: frozenset[str] = frozenset()
    tensors: dict[str, Tensor] = field(default_factory=dict)
    calls: list[KernelCall] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tensors.update(self.graph.tensors)

    def add(self, node: Node) -> None:
        """Append the calls that do ``node``; none if its output is another name for its input."""
        if node.output in self.aliases:
            return
        inputs, output = self.graph.operands(node), self.tensors[node.output]
        kernel = select(node.op, inputs, output, self.target, self.preferred)
        if isinstance(node.op, Concat):
            self._add_concat(node, node.op, kernel)
            return
        args = self._packed(kernel, node, arguments(node.op, inputs, output))
        scratch = (self.target.weights == "l1" and kernel.l1_scratch) or kernel.scratch
        call = KernelCall(
            name=node.name,
            op=node.op.kind,
            symbol=kernel.symbol,
            args=args,
            inputs=tuple(str(a.value) for a in args if a.kind == "in"),
            output=node.output,
            scratch_bytes=scratch(node.op, inputs, output, self.target),
            macs=macs(node.op, inputs, output),
            shape=describe(node.op, inputs, output),
            inplace=kernel.inplace_operands(inputs, output),
            node=node,
            streams=kernel.streams,
            all_cores=kernel.all_cores,
            pitched=kernel.pitched,
        )
        self.calls.append(call)

    def whole(self, name: str) -> str:
        """The buffer that holds graph output ``name`` and nothing else; a copy where none does."""
        view = self.views.get(name)
        buffer = self.graph.tensors[name] if view is None else self.tensors[view.base]
        tensor = self.graph.tensors[name]
        computed = buffer.data is None and buffer.name not in self.graph.inputs
        if computed and buffer.nbytes == tensor.nbytes:
            return buffer.name
        copy = replace(tensor, name=f"{name}.copy")
        self.tensors[copy.name] = copy
        self._copy(f"{name}.copy", Concat(0), (tensor,), copy, 0)
        return copy.name

    def _add_concat(self, node: Node, op: Concat, kernel: Kernel) -> None:
        """One copy a part, but for parts that their producers write in place."""
        inputs, output = self.graph.operands(node), self.tensors[node.output]
        for part, name in enumerate(node.inputs):
            if name in self.views and self.views[name].base == self._home(node.output):
                continue
            self._copy(f"{node.name}.{part}", op, inputs, output, part, kernel)

    def _home(self, name: str) -> str:
        return self.views[name].base if name in self.views else name

    def _copy(
        self,
        name: str,
        op: Concat,
        inputs: Operands,
        output: Tensor,
        part: int,
        kernel: Kernel | None = None,
    ) -> None:
        source = inputs[part]
        assert source is not None
        chosen = kernel or select(op, inputs, output, self.target)
        args = concat_arguments(op, inputs, output, part)
        call = KernelCall(
            name=name,
            op="Concat" if len(inputs) > 1 else "Copy",
            symbol=chosen.symbol,
            args=args,
            inputs=tuple(str(a.value) for a in args if a.kind == "in"),
            output=output.name,
            scratch_bytes=0,
            macs=0,
            shape="x".join(map(str, source.shape)),
            all_cores=chosen.all_cores,
            pitched=chosen.pitched,
        )
        self.calls.append(call)

    def _packed(self, kernel: Kernel, node: Node, args: tuple[Arg, ...]) -> tuple[Arg, ...]:
        """Constants in the order that the kernel wants, under names of their own."""
        if kernel.pack is None:
            return args
        changed: dict[str, Arg] = {}
        for name, data in kernel.pack(node.op, self.graph.operands(node)).items():
            changed[name] = Arg("null")
            if data is not None:
                packed = f"{name}.{kernel.symbol}"
                self.tensors[packed] = constant(packed, data)
                changed[name] = Arg("const", packed)
        return tuple(changed.get(str(a.value), a) if a.kind == "const" else a for a in args)
