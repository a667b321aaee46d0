"""JSON-RPC over HTTP POST and WebSocket at one address: everything bounded, browsers out unless named."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from node.rpc.dispatch import Caller, answer_message
from node.rpc.filters import Filters
from node.rpc.http import HttpProtocol
from node.rpc.methods import Service
from node.rpc.monitor import monitor_routes
from node.rpc.subscriptions import Feed
from node.rpc.websocket import Connection, Protocol
from node.service import Node

BODY_MAX_BYTES = 32 * 1024 * 1024
"""Of one HTTP body or WebSocket message."""
BODIES_MAX_BYTES = 256 * 1024 * 1024
"""Of all HTTP bodies that are read or worked on at a time."""
BODY_SECONDS_MAX = 20.0
"""A body that takes longer to arrive is given up."""
HEADERS_MAX_BYTES = 32 * 1024
"""Of headers that aren't complete yet; what comes in one read, at most 256 KiB, is taken."""
CONNECTIONS_MAX = 1_000
"""Further HTTP requests are answered 503."""
WEBSOCKETS_MAX = 100
KEEP_ALIVE_SECONDS = 60
PING_SECONDS = 20.0
PONG_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 3
"""What requests in work get when the node stops."""
WORKERS = 16
"""Requests that run at once; the rest waits."""
RECEIPT_WAITERS = 8
"""Workers that may wait for a block, so that some are always left for everything else."""


class Refused(Exception):
    """An HTTP answer other than 200: ``status`` and what the caller should know."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.response = _problem(status, message)


class Server:
    """The HTTP and WebSocket server of a node."""

    def __init__(self, node: Node, origins: frozenset[str] = frozenset()) -> None:
        """Make it; it listens once it runs.

        Args:
            origins: of web pages whose scripts may use it, as browsers write them: ``https://example.org``.
        """
        self._service = Service(node, Filters(node), threading.BoundedSemaphore(RECEIPT_WAITERS))
        self._feed = Feed(node)
        self._monitor = monitor_routes(node)
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="rpc")
        self._origins = origins
        self._bodies_bytes = 0
        self._websockets = 0
        self._uvicorn = uvicorn.Server(_configuration(self._application()))

    def run(self, listener: socket.socket) -> bool:
        """Serve a bound socket until ``stop``; ``False`` if a request still runs then.

        A call in the EVM can't be interrupted; the process has to be left with it.
        """
        self._uvicorn.run(sockets=[listener])
        waiting = threading.Thread(
            target=self._workers.shutdown, kwargs={"cancel_futures": True}, daemon=True
        )
        waiting.start()
        waiting.join(STOP_SECONDS_MAX)
        return not waiting.is_alive()

    def stop(self) -> None:
        """Have ``run`` end; safe from any thread and from signal handlers."""
        self._uvicorn.should_exit = True

    def _application(self) -> Starlette:
        cors = Middleware(
            CORSMiddleware,
            allow_origins=sorted(self._origins),
            allow_methods=["POST"],
            allow_headers=["Content-Type"],
        )
        return Starlette(
            routes=[
                Route("/", self._post, methods=["POST"]),
                WebSocketRoute("/", self._websocket),
                *self._monitor,
            ],
            middleware=[cors] if self._origins else [],
            exception_handlers={404: _unknown_path, 405: _wrong_method},
            lifespan=self._lifespan,
        )

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Serves subscriptions meanwhile."""
        self._feed.start()
        yield
        self._feed.stop()

    async def _post(self, request: Request) -> Response:
        """One HTTP request."""
        if self._is_foreign(request.headers):
            return _problem(403, "this origin isn't allowed; see --allow-origin")
        if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
            return _problem(415, "Content-Type must be application/json")
        body = bytearray()
        try:
            await self._read_body(request, body)
            loop, caller = asyncio.get_running_loop(), Caller(self._service)
            answer = await loop.run_in_executor(self._workers, answer_message, caller, body)
        except Refused as exc:
            return exc.response
        finally:
            self._bodies_bytes -= len(body)
        return Response(answer, media_type="application/json") if answer else Response(status_code=204)

    async def _websocket(self, websocket: WebSocket) -> None:
        """One WebSocket connection, from the request to upgrade to the end."""
        if self._is_foreign(websocket.headers):
            return await websocket.send_denial_response(_problem(403, "this origin isn't allowed"))
        if self._websockets >= WEBSOCKETS_MAX:
            return await websocket.send_denial_response(_problem(503, f"{WEBSOCKETS_MAX} are connected"))
        self._websockets += 1
        try:
            await Connection(websocket, self._service, self._feed, self._workers).run()
        finally:
            self._websockets -= 1

    def _is_foreign(self, headers: Headers) -> bool:
        """Browsers name the page they act for, others don't; refusing it stops DNS rebinding, too."""
        origin = headers.get("origin")
        return origin is not None and origin not in self._origins

    async def _read_body(self, request: Request, body: bytearray) -> None:
        """Fill ``body``, which stays counted until the caller takes it out of the count.

        What is too much is read and thrown away: a peer that still sends would miss the answer.
        """
        refusal: Refused | None = None
        try:
            async with asyncio.timeout(BODY_SECONDS_MAX):
                async for chunk in request.stream():
                    if refusal is None:
                        body += chunk
                        self._bodies_bytes += len(chunk)
                        refusal = self._refusal(body)
                        if refusal:
                            self._bodies_bytes -= len(body)
                            body.clear()
        except TimeoutError as exc:
            raise Refused(408, f"the body took more than {BODY_SECONDS_MAX:.0f} seconds") from exc
        if refusal:
            raise refusal

    def _refusal(self, body: bytearray) -> Refused | None:
        if len(body) > BODY_MAX_BYTES:
            return Refused(413, f"body above {BODY_MAX_BYTES} bytes")
        if self._bodies_bytes > BODIES_MAX_BYTES:
            return Refused(503, "too many large requests at a time; send it again later")
        return None


def _configuration(application: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        http=HttpProtocol,
        ws=Protocol,
        ws_max_size=BODY_MAX_BYTES,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PONG_SECONDS_MAX,
        ws_per_message_deflate=False,
        log_config=None,
        access_log=False,
        lifespan="on",
        limit_concurrency=CONNECTIONS_MAX,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS_MAX,
        h11_max_incomplete_event_size=HEADERS_MAX_BYTES,
    )


def _unknown_path(_: Request, __: Exception) -> Response:
    return _problem(404, "nothing is here: JSON-RPC is at /")


def _wrong_method(_: Request, error: Exception) -> Response:
    headers = error.headers if isinstance(error, HTTPException) else None
    return _problem(405, "send JSON-RPC by POST, or open a WebSocket", headers)


def _problem(status: int, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": message}, status_code=status, headers=headers)
