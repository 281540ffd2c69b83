"""The command ``tinyradar``, also as ``python -m tinyradar``."""

import sys

EXTRA = {"PIL", "bottle", "h5py", "torch"}
"""Modules that the extra ``radar`` brings."""


def main() -> None:
    """The command, or one sentence and exit code 2 where the extra is not installed."""
    try:
        from tinyradar.cli import main as command  # noqa: PLC0415  it may be what is missing

        command()
    except ModuleNotFoundError as error:
        if (error.name or "").split(".", maxsplit=1)[0] not in EXTRA:
            raise
        print(
            f"tinyradar: it needs {error.name}; install it with pip install 'microformer[radar]'.",
            file=sys.stderr,
        )
        sys.exit(2)


if __name__ == "__main__":
    main()
