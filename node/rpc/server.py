"""JSON-RPC 2.0 over HTTP POST: single requests and batches, bounded bodies, no CORS."""

import asyncio
import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from node.errors import InternalError, InvalidRequest, LimitExceeded, ParseError, RpcError
from node.rpc.filters import Filters
from node.rpc.format import Json
from node.rpc.methods import Service, invoke
from node.service import Node

BODY_MAX_BYTES = 32 * 1024 * 1024
BATCH_MAX = 1_000
WORKERS = 16
"""Requests that run at once; the rest waits."""
RECEIPT_WAITERS = 8
"""Workers that may wait for a block, so that some are always left for everything else."""

log = logging.getLogger(__name__)


def create_app(node: Node) -> Starlette:
    """The HTTP application of a node: POST / and nothing else."""
    service = Service(node, Filters(node), threading.BoundedSemaphore(RECEIPT_WAITERS))
    workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="rpc")

    async def handle(request: Request) -> Response:
        if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
            return JSONResponse({"error": "Content-Type must be application/json"}, status_code=415)
        body = await _read_body(request)
        if body is None:
            return JSONResponse({"error": f"body above {BODY_MAX_BYTES} bytes"}, status_code=413)
        answer = await asyncio.get_running_loop().run_in_executor(workers, answer_body, service, body)
        return Response(answer, media_type="application/json") if answer else Response(status_code=204)

    return Starlette(routes=[Route("/", handle, methods=["POST"])])


def answer_body(service: Service, body: bytes) -> bytes:
    """The answer to one HTTP body; empty when it held notifications only."""
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return _dump(_error(None, ParseError("parse error: the body isn't JSON")))
    if not isinstance(message, list):
        answer = _answer(service, message)
        return b"" if answer is None else _dump(answer)
    if not message:
        return _dump(_error(None, InvalidRequest("empty batch")))
    if len(message) > BATCH_MAX:
        return _dump(_error(None, LimitExceeded(f"batch of {len(message)} requests, at most {BATCH_MAX}")))
    immediate = replace(service, receipt_waiters=None)
    answers = [answer for entry in message if (answer := _answer(immediate, entry)) is not None]
    return _dump(answers) if answers else b""


def _answer(service: Service, message: object) -> Json | None:
    """The response object to one request object; ``None`` to a notification."""
    if not isinstance(message, dict) or not _is_request(message):
        return _error(None, InvalidRequest("invalid request"))
    name, arguments, identifier = message["method"], message.get("params", []), message.get("id")
    try:
        answer: Json = {"jsonrpc": "2.0", "id": identifier, "result": invoke(service, name, arguments)}
    except RpcError as exc:
        answer = _error(identifier, exc)
    except Exception:
        log.exception("%s failed", name)
        answer = _error(identifier, InternalError("internal error; the node's log has the details"))
    return answer if "id" in message else None


def _is_request(message: dict[str, object]) -> bool:
    return (
        message.get("jsonrpc") == "2.0"
        and isinstance(message.get("method"), str)
        and isinstance(message.get("params", []), list | dict)
        and isinstance(message.get("id"), str | int | float | None)
    )


def _error(identifier: object, error: RpcError) -> Json:
    return {"jsonrpc": "2.0", "id": identifier, "error": error.as_json()}


def _dump(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


async def _read_body(request: Request) -> bytes | None:
    """The body, or ``None`` as soon as it is too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX_BYTES:
            return None
    return bytes(body)
