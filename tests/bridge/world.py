"""A whole network for tests: real node, real bank, a platform in this process, everybody onboarded.

No pytest here. Amounts are decimal text or minor units as named.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
from eth_account import Account
from eth_account.signers.local import LocalAccount

from bridge import setup
from bridge.bank import HttpBank
from bridge.chain import Chain, Deployment
from bridge.iso20022 import AccountId, CreditTransfer, Party, PaymentOrder, pain001
from bridge.platform import Platform
from bridge.services import accounts, acts, agreements, allocations, batches, institutions
from bridge.store.base import Database
from bridge.worker import Worker, turn
from contracts.terms import InstitutionKind, Role
from tests.bridge.bank_process import BankProcess, cny_iban, start_bank

EXAMPLES = Path(__file__).parent.parent.parent / "docs" / "examples"
IBAN = cny_iban(1)
CLOSED_IBANS = (cny_iban(901), cny_iban(902))
SIGNERS = {
    "north-bank": Role.GOVERNOR | Role.SUPERVISOR | Role.TELLER,
    "labour-bureau": Role.GOVERNOR | Role.SUPERVISOR,
    "transport-bureau": Role.SUPERVISOR,
    "swift-courier": Role.OPERATOR,
    "swift-courier-east": Role.OPERATOR,
    "clear-audit": Role.WITNESS | Role.AUDITOR,
}
KINDS = {
    "north-bank": InstitutionKind.BANK,
    "labour-bureau": InstitutionKind.AGENCY,
    "transport-bureau": InstitutionKind.AGENCY,
    "swift-courier": InstitutionKind.ENTERPRISE,
    "swift-courier-east": InstitutionKind.ENTERPRISE,
    "clear-audit": InstitutionKind.AUDITOR,
}
SUPERVISORS = ("north-bank", "labour-bureau", "transport-bureau")


@dataclass
class NodeProcess:
    """A running node."""

    url: str
    process: subprocess.Popen[str]

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(timeout=10)
        if self.process.stdout:
            self.process.stdout.close()


def start_node(data: Path, chain_id: int = 7788) -> NodeProcess:
    """Make a network in `data` if there is none, and run its node."""
    if not data.exists():
        command = [sys.executable, "-m", "node", "init", "--data", str(data), "--chain-id", str(chain_id)]
        subprocess.run(command, check=True, capture_output=True)
    command = [sys.executable, "-m", "node", "run", "--data", str(data), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    if process.stdout is None:
        raise RuntimeError("no output")
    return NodeProcess(json.loads(process.stdout.readline())["url"], process)


@dataclass
class World:
    """The network and who is in it."""

    data: Path
    bank: BankProcess
    node: NodeProcess
    deployment: Deployment
    keys: dict[str, LocalAccount]
    bridge_key: LocalAccount
    attester: LocalAccount
    platform: Platform
    worker: Worker | None = None
    recovery_keys: list[LocalAccount] = field(default_factory=list)
    """Two of these three found the directory again."""
    stack: ExitStack = field(default_factory=ExitStack)

    def act(self, act: acts.Act, *who: str) -> None:
        """Sign an act as these institutions and perform it."""
        acts.perform(self.platform, act, [act.message.sign(self.keys[each]) for each in who])

    def settle_down(self) -> None:
        """Turn the platform over until nothing is left to do. Not while a worker runs."""
        while turn(self.platform):
            pass

    def wait_for(self, condition: Callable[[], bool], seconds: float = 30) -> None:
        """Poll until a condition holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError("the condition never held")
            self.platform.pause()

    def open_platform(self) -> Platform:
        """Another platform on the same database, as after a restart."""
        database = Database(f"sqlite:///{self.data / 'platform.db'}")
        database.migrate()
        return Platform(
            database,
            Chain(self.node.url, self.deployment),
            HttpBank(self.bank.url, httpx.Client(timeout=30, trust_env=False)),
            self.bridge_key,
            self.attester,
            b"r" * 32,
        )

    def reopen(self) -> None:
        """Drop the platform and open another one on its database."""
        self.platform.close()
        self.platform = self.open_platform()

    def start(self) -> None:
        """Start the worker."""
        self.worker = Worker(self.platform, 0.02)
        self.worker.start()

    def stop(self) -> None:
        """Stop the worker."""
        if self.worker is not None:
            self.worker.stop()
            self.worker = None

    def close(self) -> None:
        """Stop everything."""
        self.stop()
        self.platform.close()
        self.bank.stop()
        self.node.stop()


def make_world(data: Path) -> World:
    """Start and onboard everything; the worker runs."""
    bank = start_bank()
    bank.close_seeded_accounts()
    bank.create_account("SC", "迅捷配送集团", IBAN, account_number="6222000000000001")
    for number, iban in enumerate(CLOSED_IBANS):
        bank.create_account(f"CLOSED{number}", "closed", iban, closed=True)
    node = start_node(data / "chain")
    keys = {name: Account.create() for name in SIGNERS}
    bridge_key, attester = Account.create(), Account.create()
    founding = [
        *(setup.add_institution(name, KINDS[name]) for name in ("north-bank", "labour-bureau")),
        *(
            setup.add_signer(name, keys[name].address, SIGNERS[name])
            for name in ("north-bank", "labour-bureau")
        ),
        setup.add_signer("north-bank", bridge_key.address, Role.MINTER | Role.SETTLER),
        setup.add_signer("north-bank", attester.address, Role.ATTESTER),
    ]
    governors = [keys["north-bank"], keys["labour-bureau"]]
    recovery_keys = [Account.create() for _ in range(3)]
    recovery = setup.Recovery(tuple(key.address for key in recovery_keys), 2)
    deployment = setup.deploy(node.url, Account.create(), founding, 1, recovery, governors)
    world = World(
        data,
        bank,
        node,
        deployment,
        keys,
        bridge_key,
        attester,
        None,  # type: ignore[arg-type]
        recovery_keys=recovery_keys,
    )
    world.platform = world.open_platform()
    world.start()
    _onboard(world)
    return world


def _onboard(world: World) -> None:
    platform = world.platform
    others = [name for name in SIGNERS if KINDS[name] is not InstitutionKind.BANK and name != "labour-bureau"]
    changes = [
        *(setup.add_institution(name, KINDS[name]) for name in others),
        *(setup.add_signer(name, world.keys[name].address, SIGNERS[name]) for name in others),
        *setup.quorum_changes("supervisors", 2, SUPERVISORS),
    ]
    act = institutions.announcement(platform, changes, [*SIGNERS, "supervisors"])
    signatures = [act.message.sign(world.keys[name]) for name in ("north-bank", "labour-bureau")]
    institutions.announce(platform, act, signatures, 0)
    accounts.supervise(
        platform,
        "swift-courier",
        "north-bank",
        "swift-courier",
        "supervisors",
        IBAN,
        "CNY",
        "迅捷配送集团",
    )
    world.act(
        accounts.opening(platform, "swift-courier/east", "swift-courier", "swift-courier-east"),
        "swift-courier",
    )
    rules = [
        {
            "payer_name": name,
            "payer_account": None,
            "remittance_contains": None,
            "account": "swift-courier",
            "dye_class": "courier-pay",
            "purpose": "配送服务费",
        }
        for name in ("华北生鲜有限公司", "城南百货有限公司")
    ]
    accounts.set_rules(platform, "swift-courier", rules)


def deploy_and_activate(world: World, file: str, rosters: dict[str, bytes]) -> str:
    """An agreement from an example file, active; returns its id."""
    held = agreements.deploy(world.platform, (EXAMPLES / file).read_bytes(), rosters)
    world.act(agreements.activation(world.platform, held.id), "north-bank", "labour-bureau")
    return held.id


def fund_east(world: World, amount: str, reference: str) -> None:
    """Allocate to the subsidiary."""
    deadline = world.platform.chain.now() + 600
    act = allocations.allocation(
        world.platform, "fund-east", "swift-courier/east", amount, reference, deadline
    )
    world.act(act, "swift-courier")


PAYEES = tuple(
    (f"骑手{number:03d}", CLOSED_IBANS[number - 1] if number in (1, 2) else f"6222{number:012d}")
    for number in range(60)
)
"""The first names that can be paid; the accounts of numbers 1 and 2 are closed at the bank."""


def roster() -> bytes:
    """The roster of the tests: the example's payees, whom its expected results name, and ours."""
    example = (EXAMPLES / "couriers.csv").read_text()
    return (example.rstrip("\n") + "\n" + "".join(f"{name},{account}\n" for name, account in PAYEES)).encode()


def payout_file(prefix: str, payees: Sequence[int], amount: str = "100.00") -> bytes:
    """A payout file that pays some of PAYEES."""
    lines = ["end_to_end_id,payee_name,payee_account,amount,currency,purpose"]
    for number in payees:
        name, account = PAYEES[number]
        lines.append(f"{prefix}-{number},{name},{account},{amount},CNY,11月配送")
    return ("\n".join(lines) + "\n").encode()


def credit(world: World, amount_minor: int, payer: str = "华北生鲜有限公司") -> None:
    """Money arrives and is on chain."""
    before = accounts.listing(world.platform)[0]["lots"]
    world.bank.post_credit("SC", amount_minor, debtor={"name": payer}, note="11月配送费")
    world.wait_for(lambda: accounts.listing(world.platform)[0]["lots"] != before)


def make_agreements(world: World) -> None:
    """Both examples active, and money in the subsidiary's account."""
    credit(world, 3_000_000)
    deploy_and_activate(world, "fund-east.yaml", {})
    deploy_and_activate(world, "courier-payouts.yaml", {"couriers.csv": roster()})
    fund_east(world, "20000.00", "first")


def charge(world: World, reference: str, amount_minor: int, day: date) -> None:
    """The bank takes money by itself: a payment nobody here ordered, posted straight to it."""
    order = PaymentOrder(
        message_id=reference,
        created_at=datetime.now(UTC),
        payment_information_id=reference,
        execution_date=day,
        currency="CNY",
        debtor=Party("迅捷配送集团", AccountId(iban=IBAN)),
        transfers=(CreditTransfer(reference, amount_minor, Party("手续费", AccountId(other="99"))),),
    )
    headers = {"content-type": "application/xml"}
    world.bank.client.post("/payments", content=pain001(order), headers=headers).raise_for_status()


def ready_batch(world: World, prefix: str, payees: Sequence[int]) -> str:
    """A batch that only waits to be executed; returns its draft id."""
    draft = batches.upload(world.platform, "courier-payouts", payout_file(prefix, payees), "operator")
    world.act(batches.reservation(world.platform, draft), "swift-courier-east")
    for supervisor in ("labour-bureau", "transport-bureau"):
        world.act(batches.approval(world.platform, draft), supervisor)
    world.act(batches.evidence(world.platform, draft, "delivery-report", b"report"), "clear-audit")
    return draft


__all__ = [
    "PAYEES",
    "World",
    "batches",
    "charge",
    "credit",
    "deploy_and_activate",
    "fund_east",
    "make_agreements",
    "make_world",
    "payout_file",
    "ready_batch",
    "roster",
    "start_node",
]
