"""Around every request: its id, one log line without personal data, and an answer to what nobody expected."""

import re
import time
from collections.abc import Mapping
from traceback import extract_tb
from uuid import uuid4

import structlog
from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.kinds import KINDS
from api.problems import problem_response, too_large

__all__ = ["BodyLimit", "RequestContext"]

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


class BodyLimit:
    """Pure ASGI. Refuses a larger body before it is read, or as soon as it turns out to be larger.

    Starlette's own limit answers in plain text once a route reads the body, so it cannot serve here.
    """

    def __init__(self, app: ASGIApp, default_bytes: int, limits: Mapping[str, int]) -> None:
        """`limits`: patterns of whole paths, with the bytes that each takes."""
        self.app = app
        self.default_bytes = default_bytes
        self.limits = {re.compile(pattern): most for pattern, most in limits.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        limit = self._limit(request.url.path)
        announced = request.headers.get("content-length", "0")
        if announced.isdecimal() and int(announced) > limit:
            await too_large(request)(scope, receive, send)
            return
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                raise HTTPException(413)
            return message

        await self.app(scope, counted, send)

    def _limit(self, path: str) -> int:
        found = (most for pattern, most in self.limits.items() if pattern.fullmatch(path))
        return next(found, self.default_bytes)


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
