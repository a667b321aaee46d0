"""The node that a replica follows, asked by JSON-RPC over HTTP: every answer is bounded, none is believed."""

import asyncio
import ipaddress
import json
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from node.block import UncheckedBlock
from node.encoding import decode
from node.errors import MalformedBlock, SetupError, UpstreamError
from node.header import Header

ANSWER_MAX_BYTES = 128 * 1024 * 1024
"""Of one HTTP answer; a batch of fewer blocks is asked for if one is longer."""
ANSWER_SECONDS_MAX = 120.0
"""Until an answer is complete."""
TIMEOUTS = httpx.Timeout(10.0, connect=5.0)
"""Seconds in which at least something must come."""
METHOD_NOT_FOUND = -32601
CHAIN_ID_DIGITS_MAX = 66
SHOWN_MAX = 200
"""Characters of others' messages that are logged."""

Call = tuple[str, list[object]]
"""A method and its parameters."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back to one call: a result, or an error object."""

    result: object
    error: dict[str, Any] | None


def parse_url(text: str, allow_plain_http: bool) -> httpx.URL:
    """The address of a node to follow.

    Raises:
        SetupError: no http(s) URL, or plain http to another host without leave: whoever is on the way reads
            everything, can hold blocks back, and can raise false alarms.
    """
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as exc:
        raise SetupError(f"--follow: no URL: {exc}") from exc
    if url.scheme not in ("http", "https") or not url.host:
        raise SetupError("--follow: write https://HOST, https://HOST:PORT or http://127.0.0.1:PORT")
    if url.scheme == "http" and not is_loopback(url) and not allow_plain_http:
        raise SetupError(
            f"--follow {shown_url(url)}: plain http to another host lets everybody on the way read along and "
            "hold blocks back; use https, or --allow-plain-http if the network itself is protected"
        )
    return url


def is_loopback(url: httpx.URL) -> bool:
    """Whether a URL names this machine."""
    if url.host == "localhost":
        return True
    try:
        return ipaddress.ip_address(url.host).is_loopback
    except ValueError:
        return False


def shown_url(url: httpx.URL) -> str:
    """A URL without what may be secret in it: user, password, path and query."""
    return f"{url.scheme}://{url.netloc.decode('ascii')}"


def write_calls(calls: Sequence[Call]) -> bytes:
    """A JSON-RPC batch."""
    batch = [
        {"jsonrpc": "2.0", "id": place, "method": method, "params": parameters}
        for place, (method, parameters) in enumerate(calls)
    ]
    return json.dumps(batch, separators=(",", ":")).encode()


def read_answers(body: bytes, count: int) -> list[Answer]:
    """The answers to a batch of ``count`` calls, in their order.

    Raises:
        UpstreamError: it isn't that.
    """
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise UpstreamError(f"the followed node sent no JSON: {_start(body)}") from exc
    if isinstance(parsed, dict):
        raise UpstreamError(f"the followed node refuses the batch: {_start(body)}")
    entries = (
        {entry.get("id"): entry for entry in parsed if _is_answer(entry)} if isinstance(parsed, list) else {}
    )
    if sorted(entries) != list(range(count)):
        raise UpstreamError(f"the followed node didn't answer every call: {_start(body)}")
    return [Answer(entries[place].get("result"), entries[place].get("error")) for place in range(count)]


class Source:
    """A followed node; used as an async context manager, it closes its connections at the end."""

    def __init__(self, url: httpx.URL) -> None:
        self._url = url
        self._client = httpx.AsyncClient(**client_options(url))

    async def chain_id(self) -> int:
        """EIP-155 chain id (``UpstreamError``)."""
        (answer,) = await self._ask([("eth_chainId", [])])
        text = _result(answer, "eth_chainId")
        try:
            return int(text[:CHAIN_ID_DIGITS_MAX], 16)
        except ValueError as exc:
            raise UpstreamError(f"the followed node's eth_chainId is {text[:SHOWN_MAX]!r}") from exc

    async def header(self, reference: int | str) -> Header:
        """The header of a block by number or tag (``UpstreamError``)."""
        name = hex(reference) if isinstance(reference, int) else reference
        (answer,) = await self._ask([("debug_getRawHeader", [name])])
        raw = _bytes(answer, f"debug_getRawHeader {name}")
        try:
            return Header.from_raw(decode(raw, "header"))
        except MalformedBlock as exc:
            raise UpstreamError(f"the followed node's header of block {name} is none: {exc}") from exc

    async def blocks(self, first: int, last: int) -> list[UncheckedBlock]:
        """Blocks ``first`` to ``last``, both counting, or as many of the first of them as it gives.

        Raises:
            UpstreamError: it doesn't even give the first one.
        """
        numbers = range(first, last + 1)
        answers = await self._ask([("debug_getRawBlock", [hex(number)]) for number in numbers])
        found: list[UncheckedBlock] = []
        for number, answer in zip(numbers, answers, strict=True):
            if found and answer.error is not None:
                break
            raw = _bytes(answer, f"debug_getRawBlock {number}")
            try:
                found.append(UncheckedBlock.decode(raw))
            except MalformedBlock as exc:
                raise UpstreamError(f"the followed node's block {number} is none: {exc}") from exc
        return found

    async def _ask(self, calls: Sequence[Call]) -> list[Answer]:
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                body = await self._post(write_calls(calls))
        except TimeoutError as exc:
            raise UpstreamError(f"no complete answer within {ANSWER_SECONDS_MAX:.0f} seconds") from exc
        except httpx.HTTPError as exc:
            raise UpstreamError(f"{type(exc).__name__}: {exc}"[:SHOWN_MAX]) from exc
        return read_answers(body, len(calls))

    async def _post(self, content: bytes) -> bytes:
        body = bytearray()
        async with self._client.stream("POST", self._url, content=content) as response:
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > ANSWER_MAX_BYTES:
                    raise UpstreamError(f"an answer above {ANSWER_MAX_BYTES} bytes")
        if response.status_code != httpx.codes.OK:
            raise UpstreamError(f"HTTP status {response.status_code}: {_start(body)}")
        return bytes(body)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()


def client_options(url: httpx.URL) -> dict[str, Any]:
    """How a client talks to a followed node: nothing compressed, no proxy within one machine."""
    return {
        "timeout": TIMEOUTS,
        "headers": {"Content-Type": "application/json", "Accept-Encoding": "identity"},
        "trust_env": not is_loopback(url),
    }


def _is_answer(entry: object) -> bool:
    if not isinstance(entry, dict) or type(entry.get("id")) is not int:
        return False
    error = entry.get("error")
    return "result" in entry if error is None else is_error(error)


def is_error(error: object) -> bool:
    """Whether JSON is a JSON-RPC error object."""
    return (
        isinstance(error, dict) and type(error.get("code")) is int and isinstance(error.get("message"), str)
    )


def _result(answer: Answer, name: str) -> str:
    error = answer.error
    if error is not None and error["code"] == METHOD_NOT_FOUND:
        raise UpstreamError(f"the followed node doesn't offer {name.split()[0]}, which a replica needs")
    if error is not None:
        told = f"{error['code']} {error['message'][:SHOWN_MAX]!r}"
        raise UpstreamError(f"the followed node answers {name} with {told}")
    if not isinstance(answer.result, str):
        raise UpstreamError(f"the followed node answers {name} with no text")
    return answer.result


def _bytes(answer: Answer, name: str) -> bytes:
    text = _result(answer, name)
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError as exc:
        raise UpstreamError(f"the followed node answers {name} with no hex") from exc


def _start(body: bytes | bytearray) -> str:
    return repr(bytes(body[:SHOWN_MAX]))[2:-1]
