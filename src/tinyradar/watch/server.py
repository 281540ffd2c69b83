"""The page and its data over HTTP, for this computer only."""

import json
import socketserver
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from wsgiref.simple_server import ServerHandler, WSGIRequestHandler, WSGIServer, make_server

import bottle

from tinyradar.errors import RadarError, RecordingError
from tinyradar.watch.show import Show
from tinyradar.watch.traces import TraceShow

ADDRESS = "127.0.0.1"
PAGE = Path(__file__).with_name("page")
HEADERS = [
    (
        "Content-Security-Policy",
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
]

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def application(show: Show | TraceShow) -> Wsgi:
    """The routes: the page's files, the session, and of a recording its scores and its maps."""
    app = bottle.Bottle()
    session = show.session()

    def as_json(text: str) -> str:
        bottle.response.content_type = "application/json"
        return text

    def played(index: int, answer: Callable[[Any], Any]) -> Any:
        if not 0 <= index < len(session["recordings"]):
            raise bottle.HTTPError(404, "There is no such recording.")
        try:
            return answer(show.play(index))
        except RecordingError as error:
            bottle.response.status = 422
            return as_json(json.dumps({"error": str(error)}))

    def maps(play: Any) -> bytes:
        bottle.response.content_type = "application/octet-stream"
        return bytes(play.maps.tobytes())

    app.route("/", callback=lambda: bottle.static_file("index.html", PAGE))
    app.route("/page/<name>", callback=lambda name: bottle.static_file(name, PAGE))
    app.route("/session", callback=lambda: as_json(json.dumps(session)))
    app.route(
        "/recordings/<index:int>",
        callback=lambda index: played(index, lambda p: as_json(json.dumps(p.as_json()))),
    )
    app.route("/recordings/<index:int>/maps", callback=lambda index: played(index, maps))
    routes: Wsgi = app
    return routes


def guarded(app: Wsgi) -> Wsgi:
    """``app`` for those only who ask for this computer by its own name.

    A page elsewhere whose name is made to lead here (DNS rebinding) carries its own name in Host
    and is refused. Every answer has HEADERS: the page loads nothing from outside.
    """

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        def start_guarded(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            ours = {name.lower() for name, _ in HEADERS}
            return start(status, [h for h in headers if h[0].lower() not in ours] + HEADERS, *rest)

        port = environ["SERVER_PORT"]
        hosts = {f"{name}:{port}" for name in (ADDRESS, "localhost")}
        if environ.get("HTTP_HOST") not in hosts:
            start_guarded("403 Forbidden", [("Content-Type", "text/plain")])
            return [b"This server answers to its own address only.\n"]
        return app(environ, start_guarded)

    return answer


class _Handler(WSGIRequestHandler):
    timeout = 30  # seconds, for a client that does not say what it wants

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the terminal shows what went wrong only."""


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64  # a page opens several connections at once, and fifty pages many

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away or said nothing for too long is no error of ours."""
        if not isinstance(sys.exc_info()[1], (TimeoutError, ConnectionError)):
            super().handle_error(request, client_address)

    def server_bind(self) -> None:
        """Without WSGIServer's look-up of this computer's name, which may wait for a network."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = ADDRESS, self.server_address[1]
        self.setup_environ()


def make(show: Show | TraceShow, port: int) -> WSGIServer:
    """A server that is bound to ``port`` of this computer (0: any that is free), not yet serving.

    Raises RadarError where the port is taken.
    """
    ServerHandler.server_software = "tinyradar"
    try:
        server = make_server(ADDRESS, port, guarded(application(show)), _Server, _Handler)
        threading.Thread(target=show.warm, daemon=True).start()
        return server
    except OSError as error:
        raise RadarError(
            f"Port {port} cannot be opened ({error.strerror}); leave --port away for a free one."
        ) from None
