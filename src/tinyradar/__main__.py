"""``python -m tinyradar``."""

from tinyradar.cli import main

main()
