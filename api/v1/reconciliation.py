"""Reconciliation runs, the breaks they find, and how people resolve them: one proposes, another confirms."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field

from api.acts import performed, prepared, transaction
from api.auth import EVERYONE, CallerOf, roles
from api.context import RunningPlatform, ThePlatform
from api.schemas import Body, Items, Name, Performed, Prepared, Signed
from bridge.platform import Platform
from bridge.services import reconciliation
from bridge.services.acts import Act

__all__ = ["router"]

router = APIRouter(tags=["reconciliation"])

Fingerprint = Annotated[str, Path(max_length=140, description="The break's lasting identity.")]
TELLERS = ("bank", "teller")


class Run(Body):
    """What to reconcile."""

    account: Name


class Proposal(Body):
    """How a break is resolved, and what proves it."""

    resolution: Literal["explained", "bank-corrects", "write-off"]
    note: str = Field(min_length=1, max_length=1_000)
    reference: str = Field(min_length=1, max_length=140, description="The bank's or the ledger's posting.")


class WriteOff(Body):
    """Where a confirmed charge is taken from."""

    account: Name
    dye_class: Name


class Reversal(Body):
    """The credit that a confirmed debit takes back."""

    credit: str = Field(min_length=1, max_length=140, description="The lot, or the bank's reference.")


class SignedWriteOff(WriteOff, Signed):
    """A write-off with the signatures of the account's quorum."""


@router.post("/reconciliations", **roles("bank", "teller", "auditor"))
def reconcile(platform: ThePlatform, wanted: Run) -> dict[str, Any]:
    """Reconcile a supervised account now; the run is kept whatever it finds."""
    return reconciliation.run(platform, wanted.account)


@router.get("/breaks", **roles(*EVERYONE))
def list_breaks(
    platform: ThePlatform,
    state: Annotated[Literal["open", "proposed", "confirmed", "gone"] | None, Query()] = None,
) -> Items:
    """Breaks, oldest first; without a state, all but those that are gone."""
    return Items(items=reconciliation.breaks(platform, state))


@router.post("/breaks/{fingerprint}/proposals", **roles(*TELLERS))
def propose(
    platform: ThePlatform, caller: CallerOf, fingerprint: Fingerprint, wanted: Proposal
) -> dict[str, Any]:
    """Propose how a break is resolved, citing a posting."""
    return reconciliation.propose(
        platform, fingerprint, caller.name, wanted.resolution, wanted.note, wanted.reference
    )


@router.post("/breaks/{fingerprint}/confirmations", **roles(*TELLERS))
def confirm(platform: ThePlatform, caller: CallerOf, fingerprint: Fingerprint) -> dict[str, Any]:
    """Confirm what another person proposed."""
    return reconciliation.confirm(platform, fingerprint, caller.name)


@router.post("/breaks/{fingerprint}/shortfalls/prepare", **roles("bank", "supervisor"))
def prepare_shortfall(platform: ThePlatform, fingerprint: Fingerprint) -> Prepared:
    """A shortfall to be signed by the account's quorum."""
    return prepared(reconciliation.shortfall(platform, fingerprint), {})


@router.post("/breaks/{fingerprint}/shortfalls", **roles("bank", "supervisor"))
def record_shortfall(platform: RunningPlatform, fingerprint: Fingerprint, wanted: Signed) -> Performed:
    """Record a debit for which nothing stands on the ledger; payouts stop until it is made good."""
    return performed(platform, reconciliation.shortfall(platform, fingerprint), wanted.signatures)


def _write_off(platform: Platform, fingerprint: str, wanted: WriteOff) -> Act:
    return reconciliation.write_off(platform, fingerprint, wanted.account, wanted.dye_class)


@router.post("/breaks/{fingerprint}/write-offs/prepare", **roles("bank", "supervisor"))
def prepare_write_off(platform: ThePlatform, fingerprint: Fingerprint, wanted: WriteOff) -> Prepared:
    """A write-off to be signed by the account's quorum."""
    return prepared(_write_off(platform, fingerprint, wanted), wanted.model_dump())


@router.post("/breaks/{fingerprint}/write-offs", **roles("bank", "supervisor"))
def write_off(platform: RunningPlatform, fingerprint: Fingerprint, wanted: SignedWriteOff) -> Performed:
    """Take a charge of the bank off the ledger."""
    return performed(platform, _write_off(platform, fingerprint, wanted), wanted.signatures)


@router.post("/breaks/{fingerprint}/reversals", **roles("bank"))
def reverse(platform: RunningPlatform, fingerprint: Fingerprint, wanted: Reversal) -> Performed:
    """Record that a confirmed debit takes back a credit; what is not made good stops payouts."""
    return Performed(transaction=transaction(reconciliation.reverse(platform, fingerprint, wanted.credit)))
