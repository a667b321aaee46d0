"""A node that lies: a real server that passes a real node's answers on and alters what a test says."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from node.block import UncheckedBlock

Alter = Callable[[UncheckedBlock], UncheckedBlock]


class Liar:
    """Speaks JSON-RPC at ``url``; the attributes may change at any time."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.alter: dict[int, Alter] = {}
        """By number, what becomes of the real node's blocks."""
        self.head: int | None = None
        """The block it says is its last one."""
        self.garble: Callable[[BaseHTTPRequestHandler], None] | None = None
        """Answers instead of JSON-RPC."""
        self._client = httpx.Client(timeout=30)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._client.close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        liar = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if liar.garble is not None:
                    self.close_connection = True
                    liar.garble(self)
                    return
                try:
                    answer = json.dumps(liar.answers(json.loads(body))).encode()
                except httpx.HTTPError:
                    self.send_error(502)
                    return
                respond(self, answer)

            def log_message(self, *_: object) -> None:
                return

        return Handler

    def answers(self, batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The real node's answers, altered."""
        if self.head is not None:
            batch = [_instead_of_latest(request, hex(self.head)) for request in batch]
        answers = self._client.post(self.target, json=batch).json()
        for request, answer in zip(batch, answers, strict=True):
            if "result" in answer:
                answer["result"] = self._altered(request["method"], answer["result"])
        return answers

    def _altered(self, method: str, result: Any) -> Any:
        if method == "debug_getRawBlock":
            block = UncheckedBlock.decode(bytes.fromhex(result[2:]))
            alter = self.alter.get(block.header.block_number)
            return "0x" + alter(block).encode().hex() if alter else result
        if method == "debug_getRawHeader":
            return self._altered_header(result)
        return result

    def _altered_header(self, result: str) -> str:
        for number, alter in self.alter.items():
            block = self.block(number)
            if "0x" + block.header.encode().hex() == result:
                return "0x" + alter(block).header.encode().hex()
        return result

    def block(self, number: int) -> UncheckedBlock:
        """The real node's block."""
        message = {"jsonrpc": "2.0", "id": 1, "method": "debug_getRawBlock", "params": [hex(number)]}
        raw = self._client.post(self.target, json=message).json()["result"]
        return UncheckedBlock.decode(bytes.fromhex(raw[2:]))


def respond(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200) -> None:
    """A whole HTTP answer."""
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def _instead_of_latest(request: dict[str, Any], number: str) -> dict[str, Any]:
    return request | {"params": [number if entry == "latest" else entry for entry in request["params"]]}
