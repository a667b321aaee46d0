"""One platform served by one process: worker and API together."""

import json
import signal
import socket
import sys
from pathlib import Path

import structlog
import uvicorn

from api.app import create_app
from bridge.errors import Invalid
from bridge.platform import Platform, Settings
from bridge.worker import Worker

__all__ = ["serve"]


def configure_logging() -> None:
    """One JSON object a line, to standard error."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def serve(data: Path, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; prints one JSON line with the URL once it listens.

    Raises Invalid for an unusable set-up, ChainDiverged on another chain, ChainUnreachable without one.
    """
    configure_logging()
    settings = Settings.read(data)
    platform = Platform.open(data, settings)
    platform.chain.check()
    worker = Worker(platform, settings.poll_seconds)
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(platform, worker),
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
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
            platform.database.engine.dispose()


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise Invalid("address-in-use", f"Cannot listen on {host}:{port}: {error.strerror}.") from error
