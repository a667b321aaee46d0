"""Real node processes, and what the tests talk to them with.

Anything else starts a node the same way: ``python -m node init``, then ``python -m node run --port 0`` and
read one JSON line from its standard output.
"""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest
from click.testing import Result
from eth_account import Account
from eth_account.signers.local import LocalAccount
from typer.testing import CliRunner
from web3 import HTTPProvider, Web3
from websockets.sync.client import ClientConnection, connect

from node.cli import app

CHAIN_ID = 31_707
START_SECONDS_MAX = 30.0
SCRIPTS = Path(__file__).parent / "javascript"
RICH, RICH_WEI = "0x" + "00" * 19 + "aa", 1_000
"""Who has money on the module's node."""

LEDGER_SOURCE = """
# pragma version 0.4.3

event Paid:
    payee: indexed(address)
    purpose: indexed(bytes32)
    amount: uint256

event Noted:
    amount: uint256

total: public(uint256)
paid: public(HashMap[address, uint256])
deadline: public(uint256)

@deploy
def __init__(deadline: uint256):
    self.deadline = deadline

@external
def pay(payee: address, purpose: bytes32, amount: uint256):
    assert amount != 0, "ledger: amount is zero"
    assert block.timestamp <= self.deadline, "ledger: too late"
    self.total += amount
    self.paid[payee] += amount
    log Paid(payee=payee, purpose=purpose, amount=amount)
    log Noted(amount=amount)

@external
def refund(payee: address):
    self.total -= self.paid[payee]
    self.paid[payee] = 0

@external
def refuse_raw():
    raw_revert(method_id("Custom()"))

@external
@view
def seen() -> (uint256, uint256, address, bytes32, uint256):
    return block.number, block.timestamp, msg.sender, block.prevrandao, block.basefee

@external
@view
def previous_hash() -> bytes32:
    return blockhash(block.number - 1)

@external
@view
def burn(rounds: uint256) -> uint256:
    x: uint256 = 0
    for i: uint256 in range(rounds, bound=10000000):
        x += i
    return x

@external
def forward(depth: uint256) -> uint256:
    if depth == 0:
        self.total += 1
        return self.total
    return extcall Self(self).forward(depth - 1)

interface Self:
    def forward(depth: uint256) -> uint256: nonpayable
"""


@dataclass
class RunningNode:
    """A node process and its data directory; ``kill`` and ``start`` as often as a test likes."""

    directory: Path
    command: str = "run"
    process: subprocess.Popen[str] | None = None
    url: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=60))

    def start(self, *options: str) -> "RunningNode":
        """Run the node with options for its command and wait until it listens."""
        arguments = [
            sys.executable,
            "-m",
            "node",
            self.command,
            "--data",
            str(self.directory),
            "--port",
            "0",
            *options,
        ]
        with (self.directory.parent / "node.log").open("a") as log:
            self.process = subprocess.Popen(
                arguments, stdout=subprocess.PIPE, stderr=log, text=True, env=os.environ | self.environment
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the node didn't start: {(self.directory.parent / 'node.log').read_text()[-2000:]}"
        self.url = json.loads(line)["url"]
        return self

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the process; returns its exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        status = self.process.wait(timeout=START_SECONDS_MAX)
        if self.process.stdout:
            self.process.stdout.close()
        self.process = None
        self.client.close()
        self.client = httpx.Client(timeout=60)
        return status

    def rpc(self, method: str, *arguments: object) -> Any:
        """One call; returns the whole response object."""
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(arguments)}
        return self.client.post(self.url, json=message).json()

    def web3(self) -> Web3:
        """A fresh web3 connection."""
        return Web3(HTTPProvider(self.url, request_kwargs={"timeout": 60}))


def init_node(directory: Path, *options: str) -> Result:
    """``dyetrace node init``, in this process for speed; the caller looks at the exit status."""
    arguments = ["init", "--data", str(directory), "--chain-id", str(CHAIN_ID), *options]
    return CliRunner().invoke(app, arguments)


@pytest.fixture(scope="session")
def javascript(request: pytest.FixtureRequest) -> Path:
    """A directory with the scripts and the locked packages they import, kept in pytest's cache."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        _missing("Node.js and npm aren't installed")
    directory = Path(request.config.cache.mkdir("javascript"))
    lock, installed = SCRIPTS / "package-lock.json", directory / "node_modules" / "installed.json"
    with (directory / "installing").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # test files run side by side
        if not installed.exists() or installed.read_bytes() != lock.read_bytes():
            for name in ("package.json", "package-lock.json"):
                shutil.copy(SCRIPTS / name, directory)
            command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
            done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=300)
            assert done.returncode == 0, done.stderr
            shutil.copy(lock, installed)
        for script in SCRIPTS.glob("*.mjs"):
            shutil.copy(script, directory)
    return directory


@pytest.fixture(scope="session")
def anvil_program(request: pytest.FixtureRequest) -> str:
    """anvil, an independent EVM node: what DYETRACE_ANVIL names, on the path, or from npm."""
    found = os.environ.get("DYETRACE_ANVIL") or shutil.which("anvil")
    if found is None:
        installed = request.getfixturevalue("javascript") / "node_modules" / ".bin" / "anvil"
        if not installed.exists():
            _missing("no anvil: npm has it for Linux on x86-64; name another in DYETRACE_ANVIL")
        found = str(installed)
    return found


def _missing(reason: str) -> NoReturn:
    """Skip, saying why; where everything must be there, fail."""
    if os.environ.get("CI"):
        pytest.fail(f"{reason}; CI must have it", pytrace=False)
    pytest.skip(reason)


@pytest.fixture
def make_node(tmp_path: Path) -> Iterator[Callable[..., RunningNode]]:
    """Makes and starts nodes with options for ``init``; all are ended with the test."""
    made: list[RunningNode] = []

    def make(*options: str) -> RunningNode:
        directory = tmp_path / f"node-{len(made)}" / "data"
        done = init_node(directory, *options)
        assert done.exit_code == 0, done.stderr
        made.append(RunningNode(directory))
        return made[-1].start()

    yield make
    for node in made:
        if node.process:
            node.end()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    """One node for the whole module, open to every sender."""
    directory = tmp_path_factory.mktemp("shared") / "data"
    done = init_node(directory, "--alloc", f"{RICH}={RICH_WEI}")
    assert done.exit_code == 0, done.stderr
    running = RunningNode(directory).start()
    yield running
    assert running.end() == 0


@pytest.fixture(scope="module")
def chain(node: RunningNode) -> Web3:
    """web3 on the module's node."""
    return node.web3()


@pytest.fixture(scope="session")
def payer() -> LocalAccount:
    """An account without any coin."""
    return Account.create()


@pytest.fixture(scope="session")
def ledger_code() -> dict[str, Any]:
    """ABI and bytecode of a small contract."""
    from vyper import compile_code

    return compile_code(LEDGER_SOURCE, output_formats=["abi", "bytecode"])


def send(chain: Web3, account: LocalAccount, transaction: Any) -> Any:
    """Sign, send, and wait for the receipt."""
    filled = {
        "from": account.address,
        "nonce": chain.eth.get_transaction_count(account.address, "pending"),
        "chainId": CHAIN_ID,
        "gasPrice": 0,
    } | transaction
    if "maxFeePerGas" in filled:
        del filled["gasPrice"]
    if "gas" not in filled:
        filled["gas"] = chain.eth.estimate_gas(filled)
    raw = account.sign_transaction(filled).raw_transaction
    return chain.eth.wait_for_transaction_receipt(chain.eth.send_raw_transaction(raw), timeout=20)


@pytest.fixture(scope="module")
def ledger(chain: Web3, payer: LocalAccount, ledger_code: dict[str, Any]) -> Any:
    """The contract, deployed on the module's node."""
    factory = chain.eth.contract(abi=ledger_code["abi"], bytecode=ledger_code["bytecode"])
    data = factory.constructor(2**40).data_in_transaction
    receipt = send(chain, payer, {"data": data})
    assert receipt["status"] == 1
    return chain.eth.contract(address=receipt["contractAddress"], abi=ledger_code["abi"])


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Ask again and again until it holds; no longer than the deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it didn't happen in time"


@pytest.fixture(scope="session")
def sender() -> Callable[..., Any]:
    """``send``, for tests."""
    return send


@pytest.fixture(scope="session")
def poll() -> Callable[..., None]:
    """``until``, for tests."""
    return until


@pytest.fixture(scope="session")
def initialise() -> Callable[..., Result]:
    """``init_node``, for tests."""
    return init_node


@pytest.fixture
def running() -> Iterator[Callable[..., RunningNode]]:
    """Node processes on directories that exist; what still runs is ended with the test."""
    made: list[RunningNode] = []

    def run(directory: Path, **environment: str) -> RunningNode:
        made.append(RunningNode(directory, environment=environment))
        return made[-1]

    yield run
    for node in made:
        if node.process:
            node.end(signal.SIGKILL if node.process.poll() is not None else signal.SIGTERM)


@pytest.fixture
def open_socket() -> Iterator[Callable[..., ClientConnection]]:
    """Opens WebSocket connections to a node; all are closed with the test."""
    with ExitStack() as stack:

        def opening(node: Any, path: str = "", **options: Any) -> ClientConnection:
            url = node.url.replace("http://", "ws://") + path
            fields = {"max_size": None, "proxy": None, "close_timeout": 5} | options
            return stack.enter_context(connect(url, **fields))

        yield opening
