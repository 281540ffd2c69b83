"""``python -m microformer``."""

from microformer.cli import main

main()
