"""A whole network of real processes: bank, node, and a platform deployed, served and used by `dyetrace`."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import yaml
from eth_account.signers.local import LocalAccount
from web3 import Web3

from api.cli import main
from bridge.keys import create_keystore
from bridge.platform import Platform, Settings
from bridge.services import keys
from contracts.typed_data import TypedMessage
from tests.bridge.bank_process import BankProcess, cny_iban, start_bank

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "docs" / "examples"
ROLES = ("bank", "operator", "supervisor", "teller", "auditor")
KINDS = {
    "north-bank": "bank",
    "labour-bureau": "agency",
    "transport-bureau": "agency",
    "swift-courier": "enterprise",
    "swift-courier-east": "enterprise",
    "clear-audit": "auditor",
}
SIGNERS = {
    "north-bank": ["governor", "supervisor", "teller"],
    "north-bank-2": ["teller"],
    "labour-bureau": ["governor", "supervisor"],
    "transport-bureau": ["supervisor"],
    "swift-courier": ["operator"],
    "swift-courier-east": ["operator"],
    "clear-audit": ["witness", "auditor"],
}
RECOVERY = ("recovery-1", "recovery-2")
LOST = Web3.to_checksum_address("0x" + "1" * 40)
"""A recovery key that nobody has."""
WAIT_SECONDS = 60


IBAN = cny_iban(1)


@dataclass
class Finished:
    """A command that ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def data(self) -> Any:
        """What it printed; fails unless standard output is JSON and nothing else."""
        return json.loads(self.stdout)


def run_cli(*arguments: object, **environment: str) -> Finished:
    """`dyetrace …` in a process of its own, without a terminal."""
    command = [sys.executable, "-m", "api.cli", *map(str, arguments)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
        env=os.environ | environment,
        cwd=ROOT,
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


def call_cli(*arguments: object, **environment: str) -> Finished:
    """`dyetrace …` in this process, without a terminal."""
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["dyetrace", *map(str, arguments)]),
        mock.patch.object(sys, "stdin", io.StringIO()),
        mock.patch.dict(os.environ, environment),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
    return Finished(code, out.getvalue(), err.getvalue())


@dataclass
class Service:
    """A process that prints one JSON line with its URL once it listens."""

    process: subprocess.Popen[str]
    url: str
    log: Path

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it; returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(timeout=30)
        if self.process.stdout:
            self.process.stdout.close()
        return status


def start(log: Path, *arguments: object) -> Service:
    """Start a service and wait for its line."""
    with log.open("a") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
            cwd=ROOT,
        )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, log.read_text()[-2000:]
    return Service(process, json.loads(line)["url"], log)


def wait_for(condition: Callable[[], Any], seconds: float = WAIT_SECONDS) -> Any:
    """Poll until a condition gives something; its answer."""
    deadline = time.monotonic() + seconds
    pause = 0.01
    while not (found := condition()):
        assert time.monotonic() < deadline, "the condition never held"
        time.sleep(pause)
    return found


@dataclass
class Network:
    """Everything that runs, and everybody who signs."""

    data: Path
    bank: BankProcess
    node: Service
    platform: Service
    keystores: dict[str, Path]
    signers: dict[str, LocalAccount]
    api_keys: dict[str, str] = field(default_factory=dict)

    def http(self, role: str | None = "bank") -> httpx.Client:
        """A client with a role's key."""
        headers = {} if role is None else {"Authorization": f"Bearer {self.api_keys[role]}"}
        return httpx.Client(base_url=self.platform.url, headers=headers, timeout=90, trust_env=False)

    def cli(self, role: str, *arguments: object) -> Finished:
        """A command as a role, in this process: the same `main`, without the start of one."""
        return call_cli(*arguments, **self._environment(role))

    def process(self, role: str, *arguments: object) -> Finished:
        """A command as a role, in a process of its own."""
        return run_cli(*arguments, **self._environment(role))

    def _environment(self, role: str) -> dict[str, str]:
        return {"DYETRACE_URL": self.platform.url, "DYETRACE_KEY": self.api_keys[role]}

    def keystore(self, *who: str) -> list[object]:
        """Options that sign as these, without asking."""
        return [part for each in who for part in ("--keystore", self.keystores[each])] + ["--yes"]

    def sign(self, prepared: dict[str, Any], *who: str) -> dict[str, Any]:
        """The body that performs a prepared act."""
        message = message_of(prepared["typed_data"])
        assert prepared["digest"] == "0x" + message.digest.hex()
        signatures = ["0x" + message.sign(self.signers[each]).hex() for each in who]
        return {**prepared["request"], "signatures": signatures}


def message_of(typed: dict[str, Any]) -> TypedMessage:
    """A typed message from its JSON."""
    kind = typed["primaryType"]
    values = {
        each["name"]: bytes.fromhex(typed["message"][each["name"]][2:])
        if each["type"] == "bytes32"
        else typed["message"][each["name"]]
        for each in typed["types"][kind]
    }
    return TypedMessage(kind, typed["domain"]["chainId"], typed["domain"]["verifyingContract"], values)


def founding(keystores: dict[str, Path]) -> dict[str, Any]:
    """The founding file's content: everybody but the eastern subsidiary."""
    return {
        "delay_seconds": 0,
        "recovery": {
            "threshold": 2,
            "signers": [{"address": LOST}, *({"keystore": keystores[name].name} for name in RECOVERY)],
        },
        "institutions": [
            {"name": name, "kind": kind} for name, kind in KINDS.items() if name != "swift-courier-east"
        ],
        "signers": [
            {"institution": "north-bank", "keystore": "bridge-key.json", "roles": ["minter", "settler"]},
            {"institution": "north-bank", "keystore": "attester-key.json", "roles": ["attester"]},
            *(
                {"institution": name.removesuffix("-2"), "keystore": keystores[name].name, "roles": roles}
                for name, roles in SIGNERS.items()
                if name != "swift-courier-east"
            ),
        ],
        "quorums": [
            {
                "name": "supervisors",
                "threshold": 2,
                "members": ["north-bank", "labour-bureau", "transport-bureau"],
            }
        ],
    }


def make_network(directory: Path, stack: ExitStack) -> Network:
    """Found and serve a network; `stack` ends it."""
    bank = stack.enter_context(start_bank())
    bank.close_seeded_accounts()
    bank.create_account("SC", "迅捷配送集团", IBAN, account_number="6222000000000001")
    initialised = run_cli("node", "init", "--data", directory / "chain", "--chain-id", 7799)
    assert initialised.code == 0, initialised.stderr
    node = start(directory / "node.log", "api.cli", "node", "run", "--data", directory / "chain", "--port", 0)
    stack.callback(node.end)
    keystores = {name: directory / f"{name}.json" for name in (*SIGNERS, *RECOVERY)}
    signers = {name: create_keystore(path) for name, path in keystores.items()}
    founding_file = directory / "founding.yaml"
    founding_file.write_text(yaml.safe_dump(founding(keystores)))
    data = directory / "platform"
    options = ("--data", data, "--rpc", node.url, "--bank", bank.url, "--founding", founding_file, "--json")
    deployed = run_cli("deploy", *options)
    assert deployed.code == 0, deployed.stderr
    assert deployed.data["chain_id"] == 7799
    platform = start(directory / "platform.log", "api.cli", "serve", "--data", data, "--port", 0)
    stack.callback(platform.end)
    made = Network(data, bank, node, platform, keystores, signers)
    made.api_keys |= _api_keys(data)
    return made


def _api_keys(data: Path) -> dict[str, str]:
    """A key for every role; the auditor's as a person makes one, the others without a process each."""
    options = ("--name", "auditor-key", "--institution", "clear-audit", "--role", "auditor")
    made = {"auditor": str(run_cli("key", "new", "--data", data, *options, "--json").data["key"])}
    platform = Platform.open(data, Settings.read(data))
    for role in ROLES[:-1]:
        made[role] = keys.create(platform, f"{role}-key", "north-bank", role)
    platform.close()
    return made
