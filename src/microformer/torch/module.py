"""The module that trains: its values are those of ``microformer.reference``, bit for bit."""

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from microformer.errors import DataError, ModelError
from microformer.graph.conversion import Conversion
from microformer.graph.float_model import FloatModel, Ranges
from microformer.graph.tensor import Array, QParams
from microformer.quantize import convert
from microformer.reference import evaluate
from microformer.torch.provenance import Provenance, weights
from microformer.torch.ranges import LearntRanges, straight
from microformer.torch.surrogate import apply


class QuantizedModule(nn.Module):
    """A float model's integer program as a torch module [N, ...] -> [N, ...].

    Each call quantises the present weights and ranges by ``microformer.quantize`` and runs the
    program by ``microformer.reference``: there are no second semantics that could differ, in train
    mode as in eval mode. Every value is an integer below 2^53 and so exact. Gradients are
    straight-through: those of the float operations, taken at the quantised values (Bengio et al.,
    2013; Jacob et al., 2018). Runs on the CPU; dropout and batch statistics are those of eval mode.
    """

    def __init__(
        self,
        model: FloatModel,
        ranges: Ranges,
        provenance: Provenance,
        source: nn.Module | None,
        softmax: str,
        learn_ranges: bool,
        int16_tensors: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__()
        self._model = model
        self._softmax, self._int16_tensors = softmax, int16_tensors
        self._known: tuple[tuple[tuple[int, int], ...], Conversion] | None = None
        self.ranges = LearntRanges(ranges, learn_ranges)
        self.source = source
        self._index: dict[str, Tensor] = {
            name: torch.from_numpy(origin.index) for name, origin in provenance.copies.items()
        }
        found = weights(model)
        self._folded = provenance.folded
        self.folded = nn.ParameterList(
            nn.Parameter(torch.from_numpy(found[name][1].copy())) for name in provenance.folded
        )
        self._freeze_unused()
        self.eval()

    def _freeze_unused(self) -> None:
        """Parameters of the source that no constant copies get no gradient."""
        if self.source is None:
            return
        copied = [index.reshape(-1) for index in self._index.values()]
        used = torch.unique(torch.cat(copied)) if copied else torch.zeros(0, dtype=torch.long)
        first = 0
        for parameter in self.source.parameters():
            here = (used >= first) & (used < first + parameter.numel())
            parameter.requires_grad_(parameter.requires_grad and bool(here.any()))
            first += parameter.numel()

    def _constants(self) -> dict[str, Tensor]:
        """The trained constants, by name, as differentiable tensors."""
        values = dict(zip(self._folded, self.folded, strict=True))
        if self.source is not None and self._index:
            row = torch.cat([p.reshape(-1) for p in self.source.parameters()]).float()
            values |= {name: row[index] for name, index in self._index.items()}
        return cast("dict[str, Tensor]", values)

    def _versions(self) -> tuple[tuple[int, int], ...]:
        return tuple((p.data_ptr(), p._version) for p in self.parameters())

    def _converted(self, constants: dict[str, Tensor] | None = None) -> Conversion:
        """The present integer program; made anew only where a parameter has changed."""
        versions = self._versions()
        if self._known is None or self._known[0] != versions:
            present = self._constants() if constants is None else constants
            data = {name: value.detach().cpu().numpy() for name, value in present.items()}
            model = self._model.with_constants(data)
            conversion = convert(
                model,
                self.ranges.current(),
                softmax=self._softmax,
                int16_tensors=self._int16_tensors,
            )
            self._known = versions, conversion
        return self._known[1]

    def _evaluated(self, conversion: Conversion, x: Array, keep: bool) -> dict[str, Array]:
        graph = conversion.graph
        tensor = graph.tensors[graph.inputs[0]]
        shaped = x.reshape(len(x), *tensor.shape)
        return evaluate(graph, tensor.quantize(shaped), keep)

    def integers(self, x: Tensor) -> NDArray[np.int8]:
        """The int8 outputs of the present program for x [N, *input shape without batch]."""
        conversion = self._converted()
        (output,) = self._evaluated(conversion, x.detach().cpu().numpy(), keep=False).values()
        return cast("NDArray[np.int8]", output)

    def forward(self, x: Tensor) -> Tensor:
        """x [N, *input shape without batch], float32 or token indices -> float32 [N, ...].

        The real values of the program's int8 outputs; gradients where torch keeps them. Raises
        DataError for samples of another shape or not on the CPU.
        """
        wanted = self._model.input_shape[1:]
        if tuple(x.shape[1:]) != wanted or x.device.type != "cpu":
            raise DataError(
                f"Samples are {list(x.shape[1:])} each, on {x.device}; the model takes "
                f"{list(wanted)}, on the CPU."
            )
        if not torch.is_grad_enabled():
            graph = self._converted().graph
            levels = self.integers(x)
            return self._real(
                graph.tensors[graph.outputs[0]].qparams, levels, self._output_shape(x)
            )
        constants = self._constants()
        conversion = self._converted(constants)
        values = self._evaluated(conversion, x.detach().cpu().numpy(), keep=True)
        outputs = self._differentiable(conversion, constants, x, values)
        return outputs.reshape(self._output_shape(x))

    def _output_shape(self, x: Tensor) -> tuple[int, ...]:
        return (len(x), *self._model.output_shape[1:])

    @staticmethod
    def _real(qparams: QParams | None, levels: Array, shape: tuple[int, ...]) -> Tensor:
        assert qparams is not None
        return torch.from_numpy(qparams.dequantize(levels).astype(np.float32)).reshape(shape)

    def _differentiable(
        self,
        conversion: Conversion,
        constants: dict[str, Tensor],
        x: Tensor,
        values: dict[str, Array],
    ) -> Tensor:
        """The output, float node by float node, each with its exact value."""
        real: dict[str, Tensor] = {}

        def settled(
            name: str, int_name: str, surrogate: Tensor, start: int | None = None
        ) -> Tensor:
            qparams = conversion.graph.tensors[int_name].qparams
            assert qparams is not None
            exact = self._real(qparams, values[int_name], tuple(surrogate.shape))
            fixed = qparams.bits == 16  # it holds all that was seen: nothing to learn
            ends = None if fixed else self.ranges.ends(name, surrogate.numel(), start)
            return straight(surrogate, exact, qparams, ends)

        def settle(name: str, surrogate: Tensor) -> Tensor:
            if name not in conversion.parts:
                return settled(name, conversion.tensors[name], surrogate)
            pieces, at = [], 0  # [N, 1, S, E] by groups of rows, between them what is constant
            for start, stop, int_name in conversion.parts[name]:
                pieces.append(surrogate[..., at:start, :])
                pieces.append(settled(name, int_name, surrogate[..., start:stop, :], start))
                at = stop
            return torch.cat([*pieces, surrogate[..., at:, :]], -2)

        name = self._model.input_name
        given = x.reshape(len(x), *self._model.input_shape)
        real[name] = given if self._model.input_dtype == "int32" else settle(name, given.float())
        for node in conversion.model.model.graph:
            operands: list[Tensor | None] = []
            for value in node.inputs:
                if value is None or value.name in real:
                    operands.append(real[str(value.name)] if value is not None else None)
                elif value.name in constants:
                    operands.append(constants[value.name])
                else:
                    assert value.const_value is not None
                    operands.append(torch.from_numpy(value.const_value.numpy().copy()))
            batched = [v is not None and v.name in real for v in node.inputs]
            result = str(node.outputs[0].name)
            real[result] = settle(result, apply(node, operands, batched))
        return real[self._model.output_name]

    def convert(self) -> tuple[FloatModel, Ranges]:
        """The trained float model and its ranges: ``microformer.quantize`` of both is this program.

        Hand them to ``microformer.compile(model, ranges=ranges)``.
        """
        conversion = self._converted()
        return conversion.model.with_constants({}), conversion.ranges

    def float_state_dict(self) -> dict[str, Tensor]:
        """The trained weights for the module that was prepared: ``module.load_state_dict(...)``.

        Raises ModelError where a weight was trained that is folded of several (BatchNorm into a
        convolution): it is in the FloatModel of ``convert`` only.
        """
        if self.source is None:
            raise ModelError("What was prepared is no torch module: take convert()'s FloatModel.")
        if self._folded:
            raise ModelError(
                f"The weights {', '.join(self._folded)} are each made of several parameters and "
                "have none of their own to go back to: take convert()'s FloatModel, or fold "
                "BatchNorm and scales before the training."
            )
        return {name: value.detach().clone() for name, value in self.source.state_dict().items()}
