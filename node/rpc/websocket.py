"""JSON-RPC over WebSocket: the same messages as over HTTP, plus subscriptions.

A connection's requests run side by side, so answers come in any order; the ids tell which is which. A peer
that doesn't read is disconnected before its notifications fill the memory.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor

from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from node.rpc.dispatch import Caller, answer_message
from node.rpc.methods import Service
from node.rpc.subscriptions import Feed, Subscriber, Subscription

REQUESTS_AT_ONCE = 8
"""Messages of one connection in work; the next is read when one is answered."""
OUTGOING_MAX_BYTES = 32 * 1024 * 1024
"""What may wait for a slow reader. A single answer may be larger if nothing else waits."""
SEND_SECONDS_MAX = 10.0
CLOSE_SECONDS_MAX = 2.0
CLOSE_CODE_INTERNAL = 1011

log = logging.getLogger(__name__)


class Protocol(WebSocketsSansIOProtocol):
    """uvicorn's, but a peer that reads nothing can't keep its socket and buffers open after the end."""

    async def run_asgi(self) -> None:
        """Run the application; what isn't delivered soon after it is dropped."""
        await super().run_asgi()
        self.loop.call_later(CLOSE_SECONDS_MAX, self.transport.abort)

    def keepalive_timeout(self) -> None:
        """The peer didn't answer a ping: it won't take a goodbye either."""
        super().keepalive_timeout()
        self.transport.abort()


class _Ended(Exception):
    """The connection is over, for a reason that was logged or needs no word."""


class Connection:
    """One WebSocket connection, an outlet of the feed."""

    def __init__(self, websocket: WebSocket, service: Service, feed: Feed, workers: Executor) -> None:
        self.closed = False
        self._websocket = websocket
        self._service = service
        self._feed = feed
        self._workers = workers
        self._loop = asyncio.get_running_loop()
        self._slots = asyncio.Semaphore(REQUESTS_AT_ONCE)
        self._outgoing: deque[tuple[Subscription | None, str]] = deque()
        """Answers, and results of subscriptions."""
        self._outgoing_bytes = 0
        """Of ``_outgoing`` and of what subscriptions hold back; the text is ASCII."""
        self._filled, self._drained, self._over = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._failed = False

    async def run(self) -> None:
        """Serve the connection until either side ends it."""
        await self._websocket.accept()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._write())
                tasks.create_task(self._end())
                await self._read(tasks)
        except* (_Ended, WebSocketDisconnect):
            pass
        finally:
            self.closed = True
            self._feed.remove_all(self)
        if self._failed:
            await self._say_failed()

    def notify(self, subscription: Subscription, results: Sequence[str]) -> None:
        """As ``Outlet`` says."""
        self._in_loop(self._take, subscription, results)

    def fail(self) -> None:
        """As ``Outlet`` says."""
        self._in_loop(self._fail)

    def _in_loop(self, act: Callable[..., None], *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: so is every connection
            self._loop.call_soon_threadsafe(act, *arguments)

    async def _read(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            event = await self._websocket.receive()
            if event["type"] == "websocket.disconnect":
                raise _Ended
            await self._slots.acquire()
            text = event.get("text")
            tasks.create_task(self._respond(event["bytes"] if text is None else text))

    async def _respond(self, message: str | bytes) -> None:
        subscriber = Subscriber(self._feed, self)
        caller = Caller(self._service, subscriber)
        try:
            await self._room()
            answer = await self._loop.run_in_executor(self._workers, answer_message, caller, message)
            await self._room()
            if answer:
                self._put(None, answer)
            self._release(subscriber.created)
        finally:
            self._slots.release()

    async def _room(self) -> None:
        """Wait until the peer has read enough for another answer."""
        while self._outgoing_bytes > OUTGOING_MAX_BYTES:
            self._drained.clear()
            await self._drained.wait()

    async def _write(self) -> None:
        while True:
            await self._filled.wait()
            subscription, text = self._outgoing.popleft()
            if not self._outgoing:
                self._filled.clear()
            try:
                async with asyncio.timeout(SEND_SECONDS_MAX):
                    await self._websocket.send_text(subscription.notification(text) if subscription else text)
            except TimeoutError as exc:
                log.warning("a WebSocket peer read nothing for %d seconds", SEND_SECONDS_MAX)
                raise _Ended from exc
            except RuntimeError as exc:  # uvicorn closed the connection itself: a bad frame, no pong
                raise _Ended from exc
            self._outgoing_bytes -= len(text)
            self._drained.set()

    async def _end(self) -> None:
        await self._over.wait()
        raise _Ended

    def _put(self, subscription: Subscription | None, text: str) -> None:
        self._outgoing.append((subscription, text))
        self._outgoing_bytes += len(text)
        self._filled.set()

    def _take(self, subscription: Subscription, results: Sequence[str]) -> None:
        length = sum(map(len, results))
        if self._outgoing_bytes and self._outgoing_bytes + length > OUTGOING_MAX_BYTES:
            log.warning("a WebSocket peer reads slower than it is told: disconnected")
            self._over.set()
        elif subscription.held is None:
            for entry in results:
                self._put(subscription, entry)
        else:
            subscription.held.extend(results)
            self._outgoing_bytes += length

    def _release(self, created: Sequence[Subscription]) -> None:
        """Send what new subscriptions held back: their answer is before it in the queue."""
        for subscription in created:
            held, subscription.held = subscription.held or [], None
            for entry in held:
                self._outgoing_bytes -= len(entry)
                self._put(subscription, entry)

    def _fail(self) -> None:
        self._failed = True
        self._over.set()

    async def _say_failed(self) -> None:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS_MAX):
                await self._websocket.close(CLOSE_CODE_INTERNAL, "internal error")
