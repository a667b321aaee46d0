"""The processes of the demonstration and everybody who takes part."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml
from eth_account.signers.local import LocalAccount

from bridge.chain import Chain, Deployment
from bridge.keys import create_keystore
from tests.bridge.bank_process import BankProcess, cny_iban, start_bank

__all__ = ["CommandFailed", "Network", "StepFailed", "expect"]

ROOT = Path(__file__).parent.parent.parent
BUSINESS_MORNING = "2026-11-23T09:00"
IBAN = cny_iban(1)
CLOSED_IBANS = (cny_iban(901), cny_iban(902))
ACCOUNT_HOLDER = "迅捷配送集团有限公司"
SUPERVISORS = ("north-bank", "labour-bureau", "transport-bureau")
# Who signs what; `-ops` is the company's second operator.
SIGNERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "north-bank": ("north-bank", ("governor", "supervisor")),
    "labour-bureau": ("labour-bureau", ("governor", "supervisor")),
    "transport-bureau": ("transport-bureau", ("supervisor",)),
    "swift-courier": ("swift-courier", ("operator",)),
    "swift-courier-ops": ("swift-courier", ("operator",)),
    "swift-courier-east": ("swift-courier-east", ("operator",)),
    "clear-audit": ("clear-audit", ("witness", "auditor")),
}
KINDS = {
    "north-bank": "bank",
    "labour-bureau": "agency",
    "transport-bureau": "agency",
    "swift-courier": "enterprise",
    "swift-courier-east": "enterprise",
    "clear-audit": "auditor",
}
FOUNDERS = ("north-bank", "labour-bureau")
# API keys: name -> (institution, role).
API_KEYS = {
    "bank": ("north-bank", "bank"),
    "operator": ("swift-courier-east", "operator"),
    "supervisor": ("labour-bureau", "supervisor"),
    "teller": ("north-bank", "teller"),
    "head-teller": ("north-bank", "teller"),
    "auditor": ("clear-audit", "auditor"),
}


class StepFailed(Exception):
    """A step did not come out as expected."""


class CommandFailed(StepFailed):
    """A command ended with an error; `problem` is what it said."""

    def __init__(self, arguments: Sequence[object], status: int, text: str) -> None:
        super().__init__(f"dyetrace {' '.join(map(str, arguments))} ended with {status}: {text[-2000:]}")
        self.status = status
        last = text.strip().splitlines()[-1] if text.strip() else "{}"
        self.problem: dict[str, Any] = json.loads(last) if last.startswith("{") else {}


def expect(condition: object, what: str) -> None:
    """Fail the step unless the condition holds."""
    if not condition:
        raise StepFailed(what)


def note(text: str) -> None:
    """Progress, for people."""
    print(text, file=sys.stderr, flush=True)


@dataclass
class Network:
    """Bank, node and platform, each in its own process, and the keys of those who use them."""

    data: Path
    stack: ExitStack
    bank: BankProcess
    node: subprocess.Popen[str]
    node_url: str
    platform: subprocess.Popen[str] | None = None
    platform_url: str = ""
    api_keys: dict[str, str] = field(default_factory=dict)
    signers: dict[str, LocalAccount] = field(default_factory=dict)

    @classmethod
    def start(cls, data: Path, stack: ExitStack) -> "Network":
        """Start bank and node, found the network, serve the platform."""
        bank = start_bank(BUSINESS_MORNING, data / "bank.db")
        bank.close_seeded_accounts()
        bank.create_account("SC", ACCOUNT_HOLDER, IBAN, account_number="6222000000000001")
        for number, iban in enumerate(CLOSED_IBANS):
            bank.create_account(f"CLOSED-{number}", "已销户", iban, closed=True)
        run(["node", "init", "--data", data / "chain", "--chain-id", 7788])
        node, url = _serve(data / "node.log", ["node", "run", "--data", data / "chain", "--port", 0])
        network = cls(data, stack, bank, node, url)
        stack.callback(network.stop)
        network._found()
        network.serve()
        return network

    def _found(self) -> None:
        for name in SIGNERS:
            self.signers[name] = create_keystore(self.keystore(name))
        own_keys = [
            {"institution": "north-bank", "keystore": f"{name}-key.json", "roles": roles}
            for name, roles in (("bridge", ["minter", "settler"]), ("attester", ["attester"]))
        ]
        recovery = [create_keystore(self.keystore(f"recovery-{number}")).address for number in (1, 2, 3)]
        founding = {
            "delay_seconds": 1,
            "recovery": {"threshold": 2, "signers": [{"address": each} for each in recovery]},
            "institutions": [{"name": name, "kind": KINDS[name]} for name in FOUNDERS],
            "signers": [
                *own_keys,
                *(
                    {"institution": name, "keystore": f"{name}.json", "roles": list(SIGNERS[name][1])}
                    for name in FOUNDERS
                ),
            ],
            "quorums": [],
        }
        path = self.data / "founding.yaml"
        path.write_text(yaml.safe_dump(founding))
        options = ["--data", self.data / "platform", "--rpc", self.node_url, "--bank", self.bank.url]
        run(["deploy", *options, "--founding", path, "--json"])
        self.make_api_keys(FOUNDERS)

    def make_api_keys(self, institutions: Sequence[str]) -> None:
        """API keys of the people of these institutions, which the directory must know."""
        for name, (institution, role) in API_KEYS.items():
            if institution not in institutions:
                continue
            options = ["--data", self.data / "platform", "--name", name, "--institution", institution]
            self.api_keys[name] = run(["key", "new", *options, "--role", role, "--json"])["key"]

    # Processes

    def serve(self, crash_at: str | None = None) -> None:
        """Start the platform; `crash_at` makes it kill itself at a named point."""
        environment = {} if crash_at is None else {"DYETRACE_CRASH_AT": crash_at}
        command = ["serve", "--data", self.data / "platform", "--port", 0]
        self.platform, self.platform_url = _serve(self.data / "platform.log", command, environment)

    def kill_platform(self) -> None:
        """SIGKILL, as a power cut would."""
        if self.platform is not None:
            self.platform.send_signal(signal.SIGKILL)
            self.wait_platform_dead()

    def wait_platform_dead(self) -> None:
        """Wait until the platform process has ended."""
        if self.platform is None:
            return
        self.platform.wait(timeout=60)
        if self.platform.stdout:
            self.platform.stdout.close()

    def stop_bank(self) -> str:
        """Stop the bank; returns its clock, for starting it again."""
        now = str(self.bank.record("GET", "/_mock/state")["clock"]["now"])[:16]
        self.bank.stop()
        return now

    def start_bank(self, clock: str) -> None:
        """Start the bank where it was, with what it had."""
        port = self.bank.url.rpartition(":")[2]
        self.bank = start_bank(clock, self.data / "bank.db", "--port", port)

    def stop(self) -> None:
        """End every process."""
        for process in (self.platform, self.node):
            if process is None:
                continue
            if process.poll() is None:
                process.terminate()
                process.wait(timeout=30)
            if process.stdout and not process.stdout.closed:
                process.stdout.close()
        self.bank.stop()

    # People

    def keystore(self, name: str) -> Path:
        """Somebody's keystore."""
        return self.data / f"{name}.json"

    def dyetrace(self, who: str, *arguments: object, sign: Sequence[str] = ()) -> Any:
        """A command as the holder of an API key, signed by these. Raises CommandFailed."""
        signing = [part for name in sign for part in ("--keystore", self.keystore(name))]
        if signing:
            signing.append("--yes")
        environment = {"DYETRACE_URL": self.platform_url, "DYETRACE_KEY": self.api_keys[who]}
        return run([*arguments, *signing, "--json"], environment)

    def get(self, who: str, path: str) -> Any:
        """A read through the API."""
        headers = {"Authorization": f"Bearer {self.api_keys[who]}"}
        response = httpx.get(self.platform_url + path, headers=headers, timeout=60, trust_env=False)
        response.raise_for_status()
        return response.json()

    def chain(self) -> Chain:
        """The chain, read past the platform."""
        return Chain(self.node_url, Deployment.read(self.data / "platform" / "deployment.json"))

    def wait(self, condition: Callable[[], Any], what: str, seconds: float = 60) -> Any:
        """Poll until a condition gives something; its answer."""
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            expect(time.monotonic() < deadline, f"waited {seconds:.0f} s in vain until {what}")
            time.sleep(0.05)
        return found


def run(arguments: Sequence[object], environment: dict[str, str] | None = None) -> Any:
    """`dyetrace …` in a process of its own; what it prints as JSON, if it does."""
    done = subprocess.run(
        [sys.executable, "-m", "api.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env=os.environ | (environment or {}),
        cwd=ROOT,
        timeout=300,
        check=False,
    )
    if done.returncode != 0:
        raise CommandFailed(arguments, done.returncode, done.stderr)
    return json.loads(done.stdout) if done.stdout.startswith(("{", "[")) else done.stdout


def _serve(
    log: Path, arguments: Sequence[object], environment: dict[str, str] | None = None
) -> tuple[subprocess.Popen[str], str]:
    """Start a service and wait for the line with its URL."""
    with log.open("a") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "api.cli", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
            cwd=ROOT,
            env=os.environ | (environment or {}),
        )
    line = process.stdout.readline() if process.stdout else ""
    expect(line, f"{arguments[0]} did not start: {log.read_text()[-2000:]}")
    return process, json.loads(line)["url"]
