"""One platform served by one process: worker and API together."""

import json
import signal
import socket
import sys
from contextlib import closing
from pathlib import Path

import uvicorn

from api.app import create_app
from bridge.errors import Invalid
from bridge.platform import Platform, Settings, exclusive
from bridge.worker import Worker

__all__ = ["serve"]

STOP_SECONDS = 75
"""For requests under way when the process is told to stop: an act is waited for up to a minute."""

RECURSION_LIMIT = 1_000
"""Python's own. py_ecc raises it beyond what a thread's stack holds: deeply nested JSON would end us."""


def serve(data: Path, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; prints one JSON line with the URL once it listens.

    Raises Invalid for an unusable set-up, Conflict for a data directory in use, ChainDiverged on another
    chain, ChainUnreachable without one.
    """
    settings = Settings.read(data)
    with exclusive(data), closing(Platform.open(data, settings)) as platform:
        platform.chain.check()
        _serve(platform, settings, host, port)


def _serve(platform: Platform, settings: Settings, host: str, port: int) -> None:
    sys.setrecursionlimit(RECURSION_LIMIT)
    worker = Worker(platform, settings.poll_seconds)
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(platform, worker),
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
    )

    def interrupted(*_: object) -> None:
        """Before uvicorn listens to signals itself, and again afterwards, when it repeats them."""
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, interrupted)
    with _listen(host, port) as listener:
        worker.start()
        try:
            print(json.dumps({"url": _url(listener)}), flush=True)  # noqa: T201 - what this command says
            server.run(sockets=[listener])
        finally:
            worker.stop()


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise Invalid("address-in-use", f"Cannot listen on {host}:{port}: {error.strerror}.") from error
