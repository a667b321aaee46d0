"""A node in its own process, and transactions signed beforehand and sent to it over JSON-RPC."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from eth_account.signers.local import LocalAccount

from bridge.chain import Call
from bridge.sender import GAS_LIMIT
from scripts.benchmarks.workload import BenchFailed

__all__ = ["CHAIN_ID", "HTTP_BATCH", "Client", "Sender", "Signed", "running_node"]

ROOT = Path(__file__).parent.parent.parent
CHAIN_ID = 7788
HTTP_BATCH = 100
"""Transactions a request."""
RECEIPT_SECONDS_MAX = 60


@contextmanager
def running_node(data: Path) -> Iterator[str]:
    """A new network's node, in a directory that does not exist yet; gives its URL and ends it afterwards."""
    options = ["--data", str(data), "--chain-id", str(CHAIN_ID)]
    subprocess.run([*_node("init"), *options], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    log = data / "node.log"
    with log.open("w") as errors:
        command = [*_node("run"), "--data", str(data), "--port", "0"]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True)
    with process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise BenchFailed(f"the node did not start: {log.read_text()[-2000:]}")
            yield str(json.loads(line)["url"])
        finally:
            process.terminate()


def _node(command: str) -> list[str]:
    return [sys.executable, "-m", "node", command]


@dataclass(frozen=True)
class Signed:
    """A transaction ready to go."""

    raw: bytes
    hash: bytes


@dataclass
class Sender:
    """A key and the nonce it uses next; nobody else sends with it."""

    key: LocalAccount
    nonce: int = 0

    def sign(self, call: Call) -> Signed:
        """Sign a call with the bridge's gas limit. To be sent in the order they are signed."""
        return self._signed({"to": call.to, "data": call.data})

    def sign_creation(self, code: bytes) -> Signed:
        """Sign the deployment of a contract."""
        return self._signed({"data": code})

    def _signed(self, what: dict[str, Any]) -> Signed:
        terms = {"value": 0, "gas": GAS_LIMIT, "gasPrice": 0, "nonce": self.nonce, "chainId": CHAIN_ID}
        signed = self.key.sign_transaction(what | terms)
        self.nonce += 1
        return Signed(bytes(signed.raw_transaction), bytes(signed.hash))


@dataclass
class Client:
    """Batches of JSON-RPC requests to one node."""

    http: httpx.Client

    def settle(self, transactions: Sequence[Signed]) -> tuple[float, list[dict[str, Any]]]:
        """Send one sender's transactions and wait for them.

        Returns the seconds from the first byte sent to the last receipt, and the receipts in order.
        Raises BenchFailed when one is refused, reverts or gets no receipt in time.
        """
        bodies = [
            _body("eth_sendRawTransaction", [entry.raw for entry in part]) for part in _parts(transactions)
        ]
        started = time.perf_counter()
        for body in bodies:
            self._results(body)
        self._await(transactions[-1])
        seconds = time.perf_counter() - started
        receipts = [
            receipt
            for part in _parts(transactions)
            for receipt in self._results(_body("eth_getTransactionReceipt", [entry.hash for entry in part]))
        ]
        failed = sum(receipt is None or receipt["status"] != "0x1" for receipt in receipts)
        if failed:
            raise BenchFailed(f"{failed} of {len(receipts)} transactions failed")
        return seconds, receipts

    def _await(self, last: Signed) -> None:
        """Nonces follow on, so the last one's receipt is the last; the node waits before it answers."""
        body = json.dumps(_request(1, "eth_getTransactionReceipt", last.hash)).encode()
        deadline = time.monotonic() + RECEIPT_SECONDS_MAX
        while _result(self._post(body)) is None:
            if time.monotonic() > deadline:
                raise BenchFailed(f"no receipt after {RECEIPT_SECONDS_MAX} s")

    def _results(self, body: bytes) -> list[Any]:
        answers = sorted(self._post(body), key=lambda answer: int(answer["id"]))
        return [_result(answer) for answer in answers]

    def _post(self, body: bytes) -> Any:
        response = self.http.post("/", content=body, headers={"content-type": "application/json"})
        response.raise_for_status()
        return response.json()


def _parts(transactions: Sequence[Signed]) -> list[Sequence[Signed]]:
    return [transactions[first : first + HTTP_BATCH] for first in range(0, len(transactions), HTTP_BATCH)]


def _request(number: int, method: str, parameter: bytes) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": ["0x" + parameter.hex()]}


def _body(method: str, parameters: Sequence[bytes]) -> bytes:
    return json.dumps([_request(number, method, each) for number, each in enumerate(parameters)]).encode()


def _result(answer: dict[str, Any]) -> Any:
    if "error" in answer:
        raise BenchFailed(f"the node answers: {answer['error']['message']}")
    return answer["result"]
