"""An escrow: an enterprise pays its supplier 1,000 in three milestones, an agency arbitrates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak

from contracts.arguments import EscrowMilestone, escrow_arguments
from contracts.ids import account_line, name_id
from tests.contracts.chain import Contract
from tests.contracts.world import (
    AGENCY_ONE,
    AUDITOR,
    ENTERPRISE,
    PROJECT,
    SUPPLIER,
    WAGES,
    World,
    agency_one_governor,
    agency_one_supervisor,
    bank_governor,
    consents,
    now,
    operator,
    signed,
    supplier_operator,
    witness,
)

HELD, SUPPLIED, TWIN = name_id("escrow-account"), name_id("supplier-account"), name_id("another escrow's")
ACCEPTANCE = name_id("acceptance")
DAY_SECONDS = 86_400
DUE_SECONDS, TIMEOUT_SECONDS, DISPUTE_SECONDS = 30 * DAY_SECONDS, 60 * DAY_SECONDS, 7 * DAY_SECONDS
OPEN, RELEASED, EXPIRED, REFUNDED, DISPUTED = range(1, 6)
PRICE = 1_000
BY_CONSENT, BY_EVIDENCE, MORE_EVIDENCE = range(3)
REPORT, OTHER_REPORT = keccak(b"acceptance report"), keccak(b"another report")
PARTIES = {ENTERPRISE: operator, SUPPLIER: supplier_operator, AGENCY_ONE: agency_one_supervisor}


def milestones() -> list[EscrowMilestone]:
    """200 by the payer's consent, 500 and 300 by evidence too."""
    due = now() + DUE_SECONDS
    return [
        EscrowMilestone(200, due),
        EscrowMilestone(500, due, ACCEPTANCE, AUDITOR),
        EscrowMilestone(300, due, ACCEPTANCE, AUDITOR),
    ]


def deal_terms(**changed: Any) -> dict[str, Any]:
    """The terms, some of them changed."""
    return {
        "payer_account": PROJECT,
        "payee_account": SUPPLIED,
        "payer": ENTERPRISE,
        "payee": SUPPLIER,
        "arbiter": AGENCY_ONE,
        "milestones": milestones(),
        "timeout": now() + TIMEOUT_SECONDS,
        "dispute_timeout_seconds": DISPUTE_SECONDS,
        **changed,
    }


def deal_arguments(account: bytes = HELD, **changed: Any) -> bytes:
    """Constructor arguments of the escrow."""
    return escrow_arguments(account, WAGES, **deal_terms(**changed))


def open_accounts(world: World) -> None:
    """Open the accounts an escrow needs."""
    for account in (HELD, PROJECT):
        world.open(account)
    world.open(SUPPLIED, controller=SUPPLIER)


def follow(world: World, old: LocalAccount, new: LocalAccount) -> None:
    """Give a signer of any institution another key."""
    values = {
        "signer": old.address,
        "successor": new.address,
        "since": world.directory.signer(old.address).since,
    }
    governors = (bank_governor, agency_one_governor)
    given = consents((old, new, *governors), "Rotation", world.directory, **values)
    world.directory.rotate(old.address, new.address, given)


@dataclass
class Deal:
    """An active escrow and what its parties do; each act gives the digest of what was signed."""

    world: World
    escrow: Contract

    @classmethod
    def agree(cls, world: World, amount: int = PRICE, **changed: Any) -> Deal:
        """Open accounts, activate the escrow and fund it."""
        open_accounts(world)
        escrow = world.activate(world.instance("escrow", deal_arguments(**changed)))
        if amount:
            world.fund(amount, account=HELD)
        return cls(world, escrow)

    def resting(self, account: bytes = HELD) -> int:
        """Minor units on an account's line."""
        return self.world.balance(account_line(account, WAGES))

    @property
    def shares(self) -> tuple[int, int, int]:
        """Minor units that rest, that the payee has and that the payer has."""
        return self.resting(), self.resting(SUPPLIED), self.resting(PROJECT)

    def consent(self, kind: str, party: bytes, by: LocalAccount | None = None, /, **values: Any) -> Any:
        """A party's signature under its next nonce."""
        values.setdefault("nonce", self.escrow.next_nonce(party))
        values.setdefault("deadline", now() + 60)
        return signed(by or PARTIES[party], kind, self.escrow, **values)

    def release(self, milestone: int, amount: int, by: LocalAccount = operator, **more: Any) -> None:
        """The payer pays part of a milestone."""
        deadline = more.setdefault("deadline", now() + 60)
        given = self.consent("MilestoneRelease", ENTERPRISE, by, milestone=milestone, amount=amount, **more)
        self.escrow.release(milestone, amount, deadline, given)

    def refund(self, amount: int, by: LocalAccount = supplier_operator, **more: Any) -> None:
        """The payee gives money back."""
        deadline = more.setdefault("deadline", now() + 60)
        self.escrow.refund(amount, deadline, self.consent("Refund", SUPPLIER, by, amount=amount, **more))

    def renounce(self, by: LocalAccount = supplier_operator, **more: Any) -> None:
        """The payee gives up the rest."""
        deadline = more.setdefault("deadline", now() + 60)
        self.escrow.renounce(deadline, self.consent("Renunciation", SUPPLIER, by, **more))

    def dispute(self, party: bytes = ENTERPRISE, by: LocalAccount | None = None, **more: Any) -> None:
        """A party disputes."""
        deadline = more.setdefault("deadline", now() + 60)
        self.escrow.dispute(party, deadline, self.consent("Dispute", party, by, party=party, **more))

    def rule(self, to_payee: int, to_payer: int, by: LocalAccount | None = None, **more: Any) -> None:
        """The arbiter rules."""
        deadline = more.setdefault("deadline", now() + 60)
        given = self.consent("Ruling", AGENCY_ONE, by, toPayee=to_payee, toPayer=to_payer, **more)
        self.escrow.rule(to_payee, to_payer, deadline, given)

    def compromise(self, by: LocalAccount, **values: Any) -> Any:
        """A signature of a division under the next nonces of both parties."""
        values.setdefault("payerNonce", self.escrow.next_nonce(ENTERPRISE))
        values.setdefault("payeeNonce", self.escrow.next_nonce(SUPPLIER))
        return signed(by, "Compromise", self.escrow, **values)

    def settle(
        self,
        to_payee: int,
        to_payer: int,
        by: tuple[LocalAccount, LocalAccount] = (operator, supplier_operator),
        deadline: int | None = None,
    ) -> None:
        """Both parties agree how to divide."""
        until = now() + 60 if deadline is None else deadline
        given = [self.compromise(who, toPayee=to_payee, toPayer=to_payer, deadline=until) for who in by]
        self.escrow.settle(to_payee, to_payer, until, *given)

    def attest(
        self,
        milestone: int = BY_EVIDENCE,
        content: bytes = REPORT,
        by: LocalAccount = witness,
        observed_at: int | None = None,
        kind: bytes = ACCEPTANCE,
    ) -> None:
        """A witness attests a milestone's evidence."""
        at = now() if observed_at is None else observed_at
        values = {"milestone": milestone, "kind": kind, "content": content, "observedAt": at}
        given = signed(by, "MilestoneEvidence", self.escrow, **values)
        self.escrow.attest(milestone, content, at, given)

    @property
    def moved(self) -> list[tuple[bytes, int, bytes]]:
        """Destination line, amount and info of every movement of the last call."""
        return [
            (event.destination, event.amount, event.info)
            for event in self.escrow.events
            if event.name == "Moved"
        ]

    def named(self, name: str) -> list[Any]:
        """Events of one name of the last call."""
        return [event for event in self.escrow.events if event.name == name]
