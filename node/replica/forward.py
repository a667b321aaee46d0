"""Handing transactions on to the followed node, from any thread; its refusals come back as they are."""

import threading
import time

import httpx
from eth_utils.crypto import keccak

from node.errors import ForwardedError, NotForwarded, UpstreamError
from node.replica.source import client_options, read_answers, write_calls
from node.transaction import BLOB

AT_ONCE_MAX = 8
"""So that a node that hangs doesn't keep everybody from reading here."""
TURN_SECONDS_MAX = 1.0
ANSWER_MAX_BYTES = 1024 * 1024
ANSWER_SECONDS_MAX = 20.0


class Forwarder:
    """Sends raw transactions to one node."""

    def __init__(self, url: httpx.URL) -> None:
        self._url = url
        self._client = httpx.Client(**client_options(url))
        self._turns = threading.BoundedSemaphore(AT_ONCE_MAX)

    def send(self, raw: bytes) -> str:
        """Hand on a signed transaction; returns its hash.

        Raises:
            ForwardedError: what the followed node answers.
            NotForwarded: nothing usable comes back; it may or may not have the transaction.
        """
        if not self._turns.acquire(timeout=TURN_SECONDS_MAX):
            raise NotForwarded("too many transactions wait for the followed node; send this one again later")
        try:
            (answer,) = read_answers(
                self._post(write_calls([("eth_sendRawTransaction", [f"0x{raw.hex()}"])])), 1
            )
        except (UpstreamError, httpx.HTTPError) as exc:
            raise NotForwarded(
                f"the followed node gave no answer ({type(exc).__name__}); it may have the transaction: "
                "send the same bytes again"
            ) from exc
        finally:
            self._turns.release()
        if answer.error is not None:
            raise ForwardedError(answer.error)
        expected = f"0x{keccak(raw).hex()}"
        if raw[:1] != bytes([BLOB]) and answer.result != expected:
            raise NotForwarded(f"the followed node took {expected} for another transaction: ask its operator")
        return str(answer.result)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _post(self, content: bytes) -> bytes:
        body, deadline = bytearray(), time.monotonic() + ANSWER_SECONDS_MAX
        with self._client.stream("POST", self._url, content=content) as response:
            for chunk in response.iter_raw():
                body += chunk
                if len(body) > ANSWER_MAX_BYTES or time.monotonic() > deadline:
                    raise UpstreamError("an answer that doesn't end")
        if response.status_code != httpx.codes.OK:
            raise UpstreamError(f"HTTP status {response.status_code}")
        return bytes(body)
