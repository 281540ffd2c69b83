"""The zoo: architectures of the field in small configurations, from transformers and timm."""

import torch

# timm and transformers import torchvision, whose wheel is built for a CUDA torch: beside a CPU
# build its own operators do not load, and it fails on describing them; no network here uses them
_OPERATORS = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
for _name in ("nms", "qnms"):
    if not hasattr(torch.ops.torchvision, _name):
        _schema = f"{_name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        _OPERATORS.define(_schema)  # type: ignore[no-untyped-call]


def settled(model: torch.nn.Module) -> torch.nn.Module:
    """``model`` for inference, with numbers where an untrained one has none that tell anything.

    Statistics of batch norms, and weights and layer scales that begin as zeros or 1e-5 so that a
    training starts from the identity: with them a net computes nothing. Class tokens stay as they
    are. The generator is torch's own, seeded by the caller.
    """
    model.eval()
    with torch.no_grad():
        for part in model.modules():
            if isinstance(part, torch.nn.modules.batchnorm._BatchNorm):
                assert part.running_mean is not None and part.running_var is not None
                part.running_mean.normal_(0, 0.1)
                part.running_var.uniform_(0.5, 1.5)
        for name, parameter in model.named_parameters():
            leaf = name.rsplit(".", 1)[-1]
            peak = float(parameter.abs().max()) if parameter.numel() else 1.0
            if parameter.dim() > 1 and peak == 0.0:
                parameter.normal_(0, 0.1)
            elif "gamma" in leaf or leaf.startswith("ls") or leaf in ("weight", "alpha"):
                if parameter.dim() == 1 and peak < 1e-2:
                    parameter.uniform_(0.2, 0.6)
            elif "layer_scale" in name and peak < 1e-2:
                parameter.uniform_(0.2, 0.6)
    return model
