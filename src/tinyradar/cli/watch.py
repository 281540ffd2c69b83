"""The command that shows what a device would see: watch."""

import sys
import threading
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from tinyradar.cli.nets import need_torch
from tinyradar.cli.progress import bars
from tinyradar.errors import RadarError


def watch_command(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            help="A recording (..._info.txt or ..._s0.dat), a folder of them, or one of recorded "
            "traces (M-Gesture); with --simulate gestures, all if none is named."
        ),
    ] = None,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Play gestures of a simulated, held-out person.")
    ] = False,
    model: Annotated[
        str,
        typer.Option("--model", "-m", help="transformer-traces plays traces, others maps."),
    ] = "transformer-frames",
    fold: Annotated[int, typer.Option(min=0, help="Whose weights.")] = 0,
    target: Annotated[
        str | None,
        typer.Option("--target", "-t", help="pulp-ri5cy where its RTL is there, else cortex-m7."),
    ] = None,
    place: Annotated[
        Path | None, typer.Option(help="Folder of reproduce's features and weights of your own.")
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=1 << 31, help="Of --simulate: which person and session.")
    ] = 0,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 0,
    no_open: Annotated[bool, typer.Option("--no-open", help="Open no browser.")] = False,
) -> None:
    """A live view in the browser: maps, gesture, latency and energy. Ctrl-C ends it."""
    words = what or []
    if not simulate and len(words) != 1:
        raise RadarError("Give one recording or one folder, or --simulate.")
    need_torch()
    from tinyradar.watch import Options, watch  # noqa: PLC0415  torch is optional
    from tinyradar.watch.server import ADDRESS, make  # noqa: PLC0415

    options = Options(
        source=None if simulate else Path(words[0]),
        gestures=words if simulate else (),
        model=model,
        fold=fold,
        target=target,
        place=place,
        seed=seed,
    )
    with bars() as new:
        show = watch(options, new)
    with make(show, port) as server:
        address = f"http://{ADDRESS}:{server.server_port}/"
        print(f"watch: {address} (Ctrl-C ends it)", flush=True)
        if not no_open:
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("watch: ended", file=sys.stderr)
