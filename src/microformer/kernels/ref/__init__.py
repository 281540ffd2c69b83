"""One instruction set: its C kernels, ``parts/`` (private headers), registry, costs."""
