"""From whatever opset a file has to the one that all passes know."""

import onnx
import onnx.inliner
import onnx.version_converter
import onnx_ir as ir
from onnxscript import version_converter

from microformer.errors import ModelError
from microformer.load.edit import UNKNOWN
from microformer.load.functions import OPSET

OLDEST_OPSET = 7


def _version(proto: onnx.ModelProto) -> int:
    """The file's opset of ONNX's own operators."""
    return max((o.version for o in proto.opset_import if o.domain in ("", "ai.onnx")), default=1)


def name_domains(proto: onnx.ModelProto) -> None:
    """onnxruntime writes its norms into ONNX's own domain, where older opsets have none."""
    version = _version(proto)
    own = {"SimplifiedLayerNormalization", *(["LayerNormalization"] if version < 17 else [])}
    for node in proto.graph.node:
        if node.domain in ("", "ai.onnx") and node.op_type in own:
            node.domain = "com.microsoft"
            if not any(o.domain == node.domain for o in proto.opset_import):
                proto.opset_import.add(domain=node.domain, version=1)


def name_unknown(proto: onnx.ModelProto) -> None:
    """Operators that the opset does not have are kept apart: refused by name, or cut away."""
    version = _version(proto)
    local = {(f.domain, f.name) for f in proto.functions}
    found = False
    for nodes in (proto.graph.node, *(f.node for f in proto.functions)):
        for node in nodes:
            own = node.domain in ("", "ai.onnx") and (node.domain, node.op_type) not in local
            known = isinstance(node.op_type, str)  # bytes, where it is no UTF-8
            if own and known and not onnx.defs.has(node.op_type, version, ""):
                node.domain, found = UNKNOWN, True
    if found:
        for imports in (proto.opset_import, *(f.opset_import for f in proto.functions)):
            imports.append(onnx.helper.make_opsetid(UNKNOWN, 1))


def _write_out_newer(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Operators that ``OPSET`` does not have yet as the functions that ONNX defines them by."""
    newer = {n.op_type for n in proto.graph.node if n.domain in ("", "ai.onnx")}
    newer = {op for op in newer if not onnx.defs.has(op, OPSET, "")}
    if not newer:
        return proto
    for node in proto.graph.node:
        if node.op_type in newer:  # the inliner fills no default in
            given = {attribute.name for attribute in node.attribute}
            known = onnx.defs.get_schema(node.op_type).attributes.values()
            node.attribute.extend(
                a.default_value for a in known if a.name not in given and a.default_value.name
            )
    wanted = [("", op) for op in sorted(newer)]
    return onnx.inliner.inline_selected_functions(
        proto, wanted, exclude=False, inline_schema_functions=True
    )


def upgrade(proto: onnx.ModelProto, label: str) -> ir.Model:
    """To opset 23: onnx's own converter up to 18, then onnxscript's, which keeps metadata."""
    version = _version(proto)
    if not OLDEST_OPSET <= version <= onnx.defs.onnx_opset_version():
        raise ModelError(
            f"{label} uses opset {version}; microformer reads opsets {OLDEST_OPSET} to "
            f"{onnx.defs.onnx_opset_version()}: export it with opset 18."
        )
    try:
        if version > OPSET:
            proto = _write_out_newer(proto)
        if version < 18:
            proto = onnx.version_converter.convert_version(proto, 18)
        model = ir.from_proto(proto)
        if version < OPSET:
            version_converter.ConvertVersionPass(OPSET, fallback=False)(model)
    except Exception as error:
        raise ModelError(
            f"{label} cannot be brought from opset {version} to {OPSET} ({first_line(error)}): "
            "export it with opset 18 or newer."
        ) from None
    model.graph.opset_imports[""] = OPSET  # 24 and later read the canonical operations alike
    return model


def first_line(error: Exception) -> str:
    text = " ".join(str(error).split("\n\n")[0].split())
    return text if text.endswith(".") else f"{text}."
