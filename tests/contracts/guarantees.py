"""A guarantee: a financier guarantees 1,000 of what an enterprise owes its supplier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak

from contracts.arguments import guarantee_arguments
from contracts.ids import account_line, name_id
from tests.contracts.chain import Contract
from tests.contracts.world import (
    AUDITOR,
    ENTERPRISE,
    FINANCIER,
    PROJECT,
    SUPPLIER,
    WAGES,
    World,
    financier_operator,
    now,
    signed,
    supplier_operator,
    witness,
)

HELD, BENEFITS = name_id("guarantee-account"), name_id("beneficiary-account")
TWIN = name_id("another guarantee's")
DEFAULT = name_id("default")
DOCUMENT = keccak(b"letter of guarantee")
DAY_SECONDS = 86_400
ISSUE_SECONDS, EXPIRY_SECONDS, GRACE_SECONDS = 10 * DAY_SECONDS, 90 * DAY_SECONDS, 14 * DAY_SECONDS
NOT_ISSUED, OPEN, RELEASED, EXPIRED, REFUNDED = range(5)
AMOUNT, USES = 1_000, 4


def guarantee_terms(**changed: Any) -> dict[str, Any]:
    """The terms, some of them changed."""
    return {
        "account": HELD,
        "dye_class": WAGES,
        "guarantor": FINANCIER,
        "applicant": ENTERPRISE,
        "beneficiary": SUPPLIER,
        "applicant_account": PROJECT,
        "beneficiary_account": BENEFITS,
        "amount_minor": AMOUNT,
        "expires_at": now() + EXPIRY_SECONDS,
        "evidence_kind": DEFAULT,
        "witness": AUDITOR,
        "document": DOCUMENT,
        "issue_by": now() + ISSUE_SECONDS,
        "claim_grace_seconds": GRACE_SECONDS,
        "max_uses": USES,
        **changed,
    }


def letter_arguments(**changed: Any) -> bytes:
    """Constructor arguments of the guarantee."""
    return guarantee_arguments(**guarantee_terms(**changed))


def open_accounts(world: World) -> None:
    """Open the accounts a guarantee needs."""
    for account in (HELD, PROJECT):
        world.open(account)
    world.open(BENEFITS, controller=SUPPLIER)


def content(number: int) -> bytes:
    """What a claim rests on."""
    return keccak(b"default %d" % number)


@dataclass
class Letter:
    """An active guarantee and what its parties do."""

    world: World
    guarantee: Contract

    @classmethod
    def agree(cls, world: World, collateral: int = AMOUNT, **changed: Any) -> Letter:
        """Open accounts, activate the guarantee and lay down its collateral."""
        open_accounts(world)
        guarantee = world.activate(world.instance("guarantee", letter_arguments(**changed)))
        if collateral:
            world.fund(collateral, account=HELD)
        return cls(world, guarantee)

    @classmethod
    def issued(cls, world: World, collateral: int = AMOUNT, **changed: Any) -> Letter:
        """The same, issued."""
        letter = cls.agree(world, collateral, **changed)
        letter.issue()
        return letter

    def resting(self, account: bytes = HELD) -> int:
        """Minor units on an account's line."""
        return self.world.balance(account_line(account, WAGES))

    @property
    def shares(self) -> tuple[int, int, int]:
        """Minor units that rest, that the beneficiary has and that the applicant has."""
        return self.resting(), self.resting(BENEFITS), self.resting(PROJECT)

    def issue(self, by: LocalAccount = financier_operator, **more: Any) -> None:
        """The guarantor puts it in force."""
        deadline = more.setdefault("deadline", now() + 60)
        values = {
            "document": self.guarantee.DOCUMENT(),
            "amount": self.guarantee.AMOUNT(),
            "expiresAt": self.guarantee.EXPIRES_AT(),
            **more,
        }
        self.guarantee.issue(deadline, signed(by, "Issue", self.guarantee, **values))

    def claim(
        self, amount: int, number: int = 0, by: LocalAccount = supplier_operator, deadline: int | None = None
    ) -> int:
        """The beneficiary claims; gives the claim's number."""
        until = now() + 60 if deadline is None else deadline
        values = {"amount": amount, "content": content(number), "deadline": until}
        nonce = self.guarantee.next_nonce(SUPPLIER)
        given = signed(by, "Claim", self.guarantee, nonce=nonce, **values)
        return self.guarantee.claim(amount, content(number), until, given)

    def attest(self, claim: int, by: LocalAccount = witness, **changed: Any) -> None:
        """A witness attests a claim."""
        held = self.guarantee.claims()[claim]
        values = {
            "claim": claim,
            "kind": DEFAULT,
            "amount": held.amount,
            "content": held.content,
            "observedAt": now(),
            **changed,
        }
        given = signed(by, "ClaimEvidence", self.guarantee, **values)
        self.guarantee.attest(claim, values["observedAt"], given)

    def release(self, by: LocalAccount = supplier_operator, deadline: int | None = None) -> None:
        """The beneficiary discharges the guarantee."""
        until = now() + 60 if deadline is None else deadline
        nonce = self.guarantee.next_nonce(SUPPLIER)
        given = signed(by, "Discharge", self.guarantee, nonce=nonce, deadline=until)
        self.guarantee.release(until, given)

    def take(self, amount: int) -> None:
        """The quorum writes off collateral that the bank took."""
        order = (HELD, WAGES, amount, keccak(b"charge"))
        fields = ("account", "dyeClass", "amount", "reference")
        self.world.decided("WriteOff", *order, **dict(zip(fields, order, strict=True)))

    @property
    def moved(self) -> list[tuple[bytes, int, bytes]]:
        """Destination line, amount and info of every movement of the last call."""
        return [
            (event.destination, event.amount, event.info)
            for event in self.guarantee.events
            if event.name == "Moved"
        ]

    def named(self, name: str) -> list[Any]:
        """Events of one name of the last call."""
        return [event for event in self.guarantee.events if event.name == name]
