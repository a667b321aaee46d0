"""Around every request: its id, one log line without personal data, and an answer to what nobody expected."""

import re
import time
from traceback import extract_tb
from uuid import uuid4

import structlog
from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.kinds import KINDS
from api.problems import problem_response

__all__ = ["RequestContext"]

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

log = structlog.get_logger(__name__)


class RequestContext:
    """Pure ASGI. Takes a caller's X-Request-ID if it is harmless, else makes one, and sends it back."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        given = request.headers.get("x-request-id", "")
        request.state.request_id = given if _REQUEST_ID.fullmatch(given) else uuid4().hex
        started, status = time.monotonic(), 0

        async def with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request.state.request_id
                headers["X-Content-Type-Options"] = "nosniff"
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            await self.app(scope, receive, with_headers)
        except Exception as error:
            _log_surprise(request, error)
            if status:
                raise
            answer = problem_response(
                request,
                KINDS["internal"],
                "internal",
                "Something went wrong here and was logged; give the request id to whoever runs the platform.",
            )
            await answer(scope, receive, with_headers)
        finally:
            _log_request(request, status, time.monotonic() - started)


def _log_surprise(request: Request, error: Exception) -> None:
    """Where it happened, not what it says: messages of libraries quote data."""
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in extract_tb(error.__traceback__)]
    log.error(
        "request-failed", request_id=request.state.request_id, error=type(error).__name__, frames=frames[-12:]
    )


def _log_request(request: Request, status: int, seconds: float) -> None:
    """The route's pattern stands for the path, which may name people's payments."""
    route = request.scope.get("route")
    log.info(
        "request",
        request_id=request.state.request_id,
        method=request.method,
        route=getattr(route, "path", None),
        status=status,
        code=getattr(request.state, "problem", None),
        caller=getattr(request.state, "caller", None),
        milliseconds=round(seconds * 1000),
    )
