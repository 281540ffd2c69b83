"""Stage ``emit``: Plan -> CProject: C11 sources, header, weights, build file."""

from importlib import resources

import jinja2

from microformer.emit.ends import c_ends, second_arena
from microformer.emit.header import header
from microformer.emit.licence import LICENCE, licence_text, version, with_version
from microformer.emit.names import Names, project_name
from microformer.emit.program import Program
from microformer.emit.states import c_states
from microformer.emit.weights import weights_files
from microformer.graph.ends import ports_of
from microformer.graph.kernel_graph import Plan
from microformer.graph.project import CProject
from microformer.kernels.registry import library_files

__all__ = ["emit"]


def emit(
    plan: Plan, front: CProject | None = None, *, optimize: str = "speed", hop: int = 0
) -> CProject:
    """The C project of a plan, in memory: what an engineer adds to a firmware.

    With ``front``, the project of a front end, both are in one folder. ``optimize`` as of
    ``settings.Settings``, ``hop`` as of ``CProject``.

    ``<name>.h`` (the interface), ``<name>.c`` (a function a layer), ``<name>_weights.[ch]``,
    ``mf/`` (the kernels used, headers only), ``CMakeLists.txt`` and a README.
    """
    graph = plan.graph
    name = project_name(graph.name)
    names = Names(name)
    target = graph.target
    used = {str(a.value) for call in graph.calls for a in call.args if a.kind == "const"}
    constants = [t for t in graph.tensors.values() if t.name in used]
    program = Program(plan, name, names, optimize)
    inputs, outputs = c_ends(plan, name)
    several = len(inputs) > 1 or len(outputs) > 1 or outputs[0].dtype != "int8_t"
    weights_header, weights_source = weights_files(name, constants, names, plan.l1_constants)
    sources = (f"{name}.c", f"{name}_weights.c", *(front.sources if front else ()))
    files = {
        **(front.files if front else {}),
        f"{name}.h": header(plan, name, hop),
        f"{name}.c": program.source(),
        f"{name}_weights.h": weights_header,
        f"{name}_weights.c": weights_source,
        "CMakeLists.txt": _render(
            "CMakeLists.txt.j2", name=name, sources=" ".join(sources), optimize=optimize
        ),
        "README.md": _render(
            "README.md.j2",
            name=name,
            upper=name.upper(),
            plan=plan,
            second=second_arena(plan),
            weight_bytes=sum(t.nbytes for t in constants),
            ram2_name=getattr(target.second_ram(), "name", "") or "RAM2",
            front=front,
            cluster=target.is_cluster,
            unaligned=target.needs_unaligned_access,
            real="int32_t" if graph.tensors[graph.inputs[0]].qparams is None else "float",
            inputs=inputs,
            outputs=outputs,
            several=several,
            kept={n for pair in graph.states for n in pair},
        ),
    }
    symbols = sorted({call.symbol for call in graph.calls})
    if target.is_cluster or any(call.tiling is not None for call in graph.calls):
        symbols.append("mf_cluster")
    kernels = {p: with_version(text) for p, text in library_files(symbols).items()}
    files |= {f"mf/{path}": text for path, text in kernels.items()}
    files["mf/LICENSE"] = licence_text()
    # a value whose place decides its scale is converted by a port too
    by_place = any(e.tensor.channels is not None for e in inputs)
    by_ports = several or by_place
    given, made = (
        ports_of([e.tensor for e in ends], [e.part for e in ends]) for ends in (inputs, outputs)
    )
    source = inputs[0].tensor
    return CProject(
        name=name,
        files=files,
        sources=sources,
        include_dirs=(".",),
        input_dtype="int8" if by_ports else source.dtype,
        input_size=given[-1].end if by_ports else source.size,
        output_size=made[-1].end,
        arena_bytes=plan.arena_bytes,
        arena_alignment=8,
        weight_bytes=sum(t.nbytes for t in constants),
        layers=program.layers(),
        l2_bytes=plan.l2_bytes,
        input_in_l2=graph.inputs[0] in plan.caller_l2,
        output_in_l2=graph.outputs[0] in plan.caller_l2,
        quantizes=any(end.tensor.qparams and end.tensor.dtype == "int8" for end in inputs),
        dequantizes=any(end.tensor.qparams is not None for end in outputs),
        inputs=given if by_ports else (),
        outputs=made if by_ports else (),
        optimize=optimize,
        hop=hop,
        buffers=program.buffers(),
        states=tuple(state.kept for state in c_states(plan, name)),
    )


def _render(template: str, **values: object) -> str:
    text = resources.files("microformer.emit").joinpath("templates", template).read_text("utf-8")
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False
    )
    return environment.from_string(text).render(**values, licence=LICENCE, version=version())
