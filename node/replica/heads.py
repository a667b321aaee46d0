"""New heads over WebSocket, where the followed node offers them: only a reason to ask sooner, never read."""

import asyncio
import json
import logging

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from node.replica.source import is_loopback, shown_url

OPEN_SECONDS_MAX = 10.0
MESSAGE_MAX_BYTES = 1024 * 1024
RETRY_SECONDS = 60.0
SUBSCRIBE = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]})

log = logging.getLogger(__name__)


async def listen(url: httpx.URL, wake: asyncio.Event) -> None:
    """Set ``wake`` whenever the node at an http(s) URL tells of a head, until cancelled.

    A node without WebSocket is tried again now and then; asking it works all the same.
    """
    address = str(url.copy_with(scheme="wss" if url.scheme == "https" else "ws"))
    while True:
        try:
            async with connect(
                address,
                proxy=None if is_loopback(url) else True,
                open_timeout=OPEN_SECONDS_MAX,
                max_size=MESSAGE_MAX_BYTES,
            ) as socket:
                await socket.send(SUBSCRIBE)
                async for _ in socket:
                    wake.set()
        except (OSError, TimeoutError, WebSocketException) as exc:
            log.debug("%s tells no heads over WebSocket: %s", shown_url(url), type(exc).__name__)
        await asyncio.sleep(RETRY_SECONDS)
