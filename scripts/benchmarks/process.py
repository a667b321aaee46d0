"""Nodes in processes of their own, and transactions signed beforehand and sent to them over JSON-RPC."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import httpx
from eth_account.signers.local import LocalAccount

from bridge.chain import Call
from bridge.sender import GAS_LIMIT
from scripts.benchmarks.workload import BenchFailed

__all__ = [
    "CHAIN_ID",
    "HTTP_BATCH",
    "Client",
    "Endpoint",
    "Sender",
    "Settled",
    "Signed",
    "anvil",
    "new_chain",
    "running_anvil",
    "running_node",
]

ROOT = Path(__file__).parent.parent.parent
CHAIN_ID = 7788
HTTP_BATCH = 100
"""Transactions a request."""
RECEIPT_SECONDS_MAX = 60
START_SECONDS_MAX = 30
POLL_SECONDS = 0.002


@dataclass(frozen=True)
class Endpoint:
    """A node that listens."""

    url: str
    process: int
    """Its process id."""

    def cpu_seconds(self) -> float | None:
        """What the process has used so far; ``None`` where the system doesn't say."""
        try:
            fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        except FileNotFoundError:
            return None
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mib(self) -> float:
        """Memory the process has in RAM."""
        command = ["ps", "-o", "rss=", "-p", str(self.process)]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout) / 1024


def new_chain(data: Path) -> None:
    """A new network in a directory that does not exist yet."""
    options = ["--data", str(data), "--chain-id", str(CHAIN_ID)]
    subprocess.run([*_node("init"), *options], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def running_node(data: Path, *options: str) -> Iterator[Endpoint]:
    """The node of a data directory, ended afterwards."""
    command = [*_node("run"), "--data", str(data), "--port", "0", *options]
    log = data / "node.log"
    with log.open("w") as errors, _process(command, stderr=errors) as process:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise BenchFailed(f"the node did not start: {log.read_text()[-2000:]}")
        yield Endpoint(str(json.loads(line)["url"]), process.pid)


def anvil() -> str | None:
    """Where the peer is: what DYETRACE_ANVIL names, on the path, or as npm installs it here."""
    places = (os.environ.get("DYETRACE_ANVIL"), shutil.which("anvil"), ROOT / "node_modules/.bin/anvil")
    return next((str(place) for place in places if place and Path(place).exists()), None)


@contextmanager
def running_anvil(program: str, *options: str) -> Iterator[Endpoint]:
    """anvil with the gas price and the gas limit of our own networks, on a new chain, ended afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    rules = ["--chain-id", str(CHAIN_ID), "--hardfork", "cancun", "--gas-limit", "1000000000"]
    prices = ["--gas-price", "0", "--base-fee", "0", "--disable-min-priority-fee", "--order", "fifo"]
    command = [program, "--port", str(port), "--silent", "--no-request-size-limit", *rules, *prices, *options]
    with _process(command, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + START_SECONDS_MAX
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port)).close()
                break
            if process.poll() is not None or time.monotonic() > deadline:
                raise BenchFailed("anvil did not start")
            time.sleep(0.01)
        yield Endpoint(f"http://127.0.0.1:{port}", process.pid)


@contextmanager
def _process(command: Sequence[str], stderr: IO[str] | int) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=stderr, text=True)
    with process:
        try:
            yield process
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


@dataclass(frozen=True)
class Settled:
    """Transactions that all succeeded."""

    seconds: float
    """From the first byte sent to the last receipt."""
    receipts: list[dict[str, Any]]

    @property
    def gas(self) -> int:
        """Used by all."""
        return sum(int(receipt["gasUsed"], 16) for receipt in self.receipts)


@dataclass
class Client:
    """Requests to one node."""

    http: httpx.Client

    def settle(self, transactions: Sequence[Signed], batch: int = HTTP_BATCH) -> Settled:
        """Send one sender's transactions, so many a request, and wait for them.

        Raises:
            BenchFailed: one is refused, reverts or gets no receipt in time.
        """
        parts = [transactions[first : first + batch] for first in range(0, len(transactions), batch)]
        bodies = [_body("eth_sendRawTransaction", [entry.raw for entry in part]) for part in parts]
        started = time.perf_counter()
        for body in bodies:
            self._results(body)
        self.receipt(transactions[-1])
        seconds = time.perf_counter() - started
        receipts = []
        for first in range(0, len(transactions), HTTP_BATCH):
            part = [entry.hash for entry in transactions[first : first + HTTP_BATCH]]
            receipts += self._results(_body("eth_getTransactionReceipt", part))
        failed = sum(receipt is None or receipt["status"] != "0x1" for receipt in receipts)
        if failed:
            raise BenchFailed(f"{failed} of {len(receipts)} transactions failed")
        return Settled(seconds, receipts)

    def request(self, method: str, *parameters: object) -> Any:
        """The result of one call."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}
        return _result(self._post(json.dumps(body).encode()))

    def receipt(self, transaction: Signed) -> dict[str, Any]:
        """A transaction's receipt once there is one: our node waits before it answers, others are polled."""
        deadline = time.monotonic() + RECEIPT_SECONDS_MAX
        while True:
            found: dict[str, Any] | None = self.request(
                "eth_getTransactionReceipt", "0x" + transaction.hash.hex()
            )
            if found is not None:
                return found
            if time.monotonic() > deadline:
                raise BenchFailed(f"no receipt after {RECEIPT_SECONDS_MAX} s")
            time.sleep(POLL_SECONDS)

    def _results(self, body: bytes) -> list[Any]:
        answers = sorted(self._post(body), key=lambda answer: int(answer["id"]))
        return [_result(answer) for answer in answers]

    def _post(self, body: bytes) -> Any:
        response = self.http.post("/", content=body, headers={"content-type": "application/json"})
        response.raise_for_status()
        return response.json()


def _request(number: int, method: str, parameter: bytes) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": ["0x" + parameter.hex()]}


def _body(method: str, parameters: Sequence[bytes]) -> bytes:
    return json.dumps([_request(number, method, each) for number, each in enumerate(parameters)]).encode()


def _result(answer: dict[str, Any]) -> Any:
    if "error" in answer:
        raise BenchFailed(f"the node answers: {answer['error']['message']}")
    return answer["result"]
