"""The C kernel library and its registry."""
