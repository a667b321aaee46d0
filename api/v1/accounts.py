"""Supervised accounts, the accounts below them, rules, suspense and teller tasks."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field, StringConstraints

from api.acts import performed, prepared, transaction
from api.auth import EVERYONE, roles
from api.context import RunningPlatform, ThePlatform
from api.schemas import AmountMinor, Body, Hash, Items, Name, Performed, Prepared, Signed
from bridge.errors import Invalid
from bridge.platform import Platform
from bridge.services import accounts, institutions, returns
from bridge.services.acts import Act

__all__ = ["router"]

router = APIRouter(tags=["accounts"])

Line = Annotated[str, StringConstraints(min_length=1, max_length=140)]


class NewSupervisedAccount(Body):
    """A bank account to supervise, as the bank knows it."""

    name: Name
    bank: Name
    controller: Name
    quorum: Name
    number: str = Field(min_length=1, max_length=34, pattern="^[A-Za-z0-9]+$")
    currency: str = Field(pattern="^[A-Z]{3}$")
    holder: Line
    opening_minor: int = Field(
        0, ge=0, lt=2**62, description="What was in the account before; it stays outside the ledger."
    )


class Opening(Body):
    """An account to open below another."""

    account: Name
    parent: Name
    controller: Name


class SignedOpening(Opening, Signed):
    """An opening with an operator's signature."""


class Rule(Body):
    """Names the account, class and purpose of credits that match all its texts."""

    payer_name: Line | None = None
    payer_account: Line | None = None
    remittance_contains: Line | None = None
    account: Name
    dye_class: Name
    purpose: Line


class Rules(Body):
    """All rules of an account; the first that matches counts."""

    rules: list[Rule] = Field(max_length=1_000)


class Identification(Body):
    """Money in suspense to map to an account, from the lot's front."""

    lot: Hash
    account: Name
    dye_class: Name
    amount_minor: AmountMinor
    start: int | None = Field(None, ge=0, lt=2**62, description="Where it starts; prepare fills it in.")


class SignedIdentification(Identification, Signed):
    """An identification with the signatures of two tellers."""


class ReturnedRow(Body):
    """A payout that comes back, whole or in part."""

    end_to_end_id: str = Field(min_length=1, max_length=35)
    amount_minor: AmountMinor | None = Field(None, description="Left out: all that is still out of it.")


class Returns(Body):
    """Payouts that a credit in suspense brings back."""

    lot: Hash
    rows: list[ReturnedRow] = Field(min_length=1, max_length=returns.MAX_ROWS)


class ReturnClosing(Body):
    """A credit of which no more payouts come back."""

    lot: Hash


@router.get("/accounts", **roles(*EVERYONE))
def list_accounts(platform: ThePlatform) -> Items:
    """Supervised accounts with the accounts below them and their balances by dye class."""
    return Items(items=accounts.listing(platform))


@router.post("/accounts/supervised", **roles("bank"))
def supervise(platform: RunningPlatform, wanted: NewSupervisedAccount) -> Performed:
    """Supervise a bank account from now on."""
    _require_our_bank(platform, wanted.bank)
    return Performed(transaction=transaction(accounts.supervise(platform, **wanted.model_dump())))


def _require_our_bank(platform: Platform, bank: str) -> None:
    """Raises Invalid for an institution whose bank channel this platform does not have."""
    listed: list[dict[str, Any]] = institutions.listing(platform)
    address = platform.sender.key.address
    ours = {
        row["institution"] for row in listed if address in (signer["address"] for signer in row["signers"])
    }
    if ours and bank not in ours and bank in (row["institution"] for row in listed):
        raise Invalid(
            "bank-not-ours", f"{bank} is not the bank this platform acts for; it is {', '.join(ours)}."
        )


@router.post("/accounts/openings/prepare", **roles("bank", "operator"))
def prepare_opening(platform: ThePlatform, wanted: Opening) -> Prepared:
    """An opening to be signed by an operator of the parent's controller."""
    return prepared(_opening(platform, wanted), wanted.model_dump())


@router.post("/accounts/openings", **roles("bank", "operator"))
def open_account(platform: RunningPlatform, wanted: SignedOpening) -> Performed:
    """Open an account below another."""
    return performed(platform, _opening(platform, wanted), wanted.signatures)


def _opening(platform: Platform, wanted: Opening) -> Act:
    return accounts.opening(platform, wanted.account, wanted.parent, wanted.controller)


@router.put("/accounts/{account:path}/rules", **roles("bank", "teller"))
def set_rules(
    platform: ThePlatform, account: Annotated[str, Path(max_length=120)], wanted: Rules
) -> dict[str, Any]:
    """Replace the identification rules of a supervised account."""
    count = accounts.set_rules(platform, account, [rule.model_dump() for rule in wanted.rules])
    return {"account": account, "rules": count}


@router.get("/tasks", **roles("bank", "teller", "auditor"))
def list_tasks(platform: ThePlatform) -> Items:
    """Work that waits for a teller."""
    return Items(items=accounts.tasks(platform))


@router.post("/accounts/identifications/prepare", **roles("bank", "teller"))
def prepare_identification(platform: ThePlatform, wanted: Identification) -> Prepared:
    """An identification to be signed by two tellers of the bank."""
    act = _identification(platform, wanted)
    return prepared(act, wanted.model_dump() | {"start": act.message.values["start"]})


@router.post("/accounts/identifications", **roles("bank", "teller"))
def identify(platform: RunningPlatform, wanted: SignedIdentification) -> Performed:
    """Map money of a lot in suspense to an account."""
    return performed(platform, _identification(platform, wanted), wanted.signatures)


def _identification(platform: Platform, wanted: Identification) -> Act:
    lot = bytes.fromhex(wanted.lot.removeprefix("0x"))
    return accounts.identification(
        platform, lot, wanted.account, wanted.dye_class, wanted.amount_minor, wanted.start
    )


@router.post("/accounts/returns", **roles("bank", "teller"))
def give_back(platform: RunningPlatform, wanted: Returns) -> Performed:
    """Give payouts' own money back out of a credit in suspense, which stays open for more of them."""
    rows = [returns.Returned(each.end_to_end_id, each.amount_minor) for each in wanted.rows]
    mined = returns.give_back(platform, bytes.fromhex(wanted.lot.removeprefix("0x")), rows)
    return Performed(transaction=transaction(mined))


@router.post("/accounts/returns/closings", **roles("bank", "teller"))
def close_returns(platform: RunningPlatform, wanted: ReturnClosing) -> Performed:
    """Close such a credit; what no payout drew of it becomes a lot in suspense."""
    mined = returns.close(platform, bytes.fromhex(wanted.lot.removeprefix("0x")))
    return Performed(transaction=transaction(mined))
