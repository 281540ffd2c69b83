"""The zoo: architectures of the field in small configurations, from transformers and timm."""

import torch

# timm and transformers import torchvision, whose wheel is built for a CUDA torch: beside a CPU
# build its own operators do not load, and it fails on describing them; no network here uses them
_OPERATORS = torch.library.Library("torchvision", "FRAGMENT")
for _name in ("nms", "qnms"):
    if not hasattr(torch.ops.torchvision, _name):
        _OPERATORS.define(f"{_name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
