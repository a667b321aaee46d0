"""JSON-RPC 2.0 messages, whatever carries them: requests, notifications and batches, in and out as text."""

import json
import logging
from dataclasses import dataclass, replace

from node.errors import (
    InternalError,
    InvalidRequest,
    LimitExceeded,
    ParseError,
    ResponseTooLarge,
    RpcError,
)
from node.rpc.format import Json
from node.rpc.methods import Service, invoke
from node.rpc.subscriptions import SUBSCRIPTION_METHODS, Subscriber, invoke_subscription

BATCH_MAX = 1_000
BATCH_ANSWER_MAX_BYTES = 25_000_000
"""Once the answers to a batch are longer, the rest of it isn't run; as in geth."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: what methods work on, and the connection that subscriptions belong to, if it can have any."""

    service: Service
    subscriber: Subscriber | None = None


def answer_message(caller: Caller, message: str | bytes | bytearray) -> str:
    """The answer to one message; empty when it held notifications only."""
    try:
        parsed = json.loads(message)
    except (ValueError, RecursionError):
        return _dump(_error(None, ParseError("parse error: the message isn't JSON")))
    if not isinstance(parsed, list):
        answer = _answer(caller, parsed)
        return "" if answer is None else _dump(answer)
    if not parsed:
        return _dump(_error(None, InvalidRequest("empty batch")))
    if len(parsed) > BATCH_MAX:
        return _dump(_error(None, LimitExceeded(f"batch of {len(parsed)} requests, at most {BATCH_MAX}")))
    return _answer_batch(replace(caller, service=replace(caller.service, receipt_waiters=None)), parsed)


def _answer_batch(caller: Caller, batch: list[object]) -> str:
    answers: list[str] = []
    length = 0
    for entry in batch:
        answer = _answer(caller, entry) if length <= BATCH_ANSWER_MAX_BYTES else _too_large(entry)
        if answer is not None:
            answers.append(_dump(answer))
            length += len(answers[-1])
    return f"[{','.join(answers)}]" if answers else ""


def _too_large(entry: object) -> Json | None:
    if not isinstance(entry, dict) or "id" not in entry:
        return None
    return _error(entry["id"], ResponseTooLarge("response too large"))


def _answer(caller: Caller, message: object) -> Json | None:
    """The response object to one request object; ``None`` to a notification."""
    if not isinstance(message, dict) or not _is_request(message):
        return _error(None, InvalidRequest("invalid request"))
    name, arguments, identifier = message["method"], message.get("params", []), message.get("id")
    try:
        answer: Json = {"jsonrpc": "2.0", "id": identifier, "result": _invoke(caller, name, arguments)}
    except RpcError as exc:
        answer = _error(identifier, exc)
    except Exception:  # whatever it is, its details are for the log and the caller gets an answer
        log.exception("%s failed", name)
        answer = _error(identifier, InternalError("internal error; the node's log has the details"))
    return answer if "id" in message else None


def _invoke(caller: Caller, name: str, arguments: list[object] | dict[str, object]) -> object:
    if name in SUBSCRIPTION_METHODS:
        return invoke_subscription(caller.subscriber, name, arguments)
    return invoke(caller.service, name, arguments)


def _is_request(message: dict[str, object]) -> bool:
    return (
        message.get("jsonrpc") == "2.0"
        and isinstance(message.get("method"), str)
        and isinstance(message.get("params", []), list | dict)
        and isinstance(message.get("id"), str | int | float | None)
    )


def _error(identifier: object, error: RpcError) -> Json:
    return {"jsonrpc": "2.0", "id": identifier, "error": error.as_json()}


def _dump(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
