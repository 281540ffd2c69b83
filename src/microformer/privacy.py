"""No network at run time: what others would send is switched off before it is imported."""

import os

# onnxruntime from 1.32 reports its use to its makers; it reads this once, when it is imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
