"""What people decide about accounts: freeze, sort, make good, pause, close, move; and waivers of clauses."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field

from api.acts import performed, prepared
from api.auth import EVERYONE, roles
from api.context import RunningPlatform, ThePlatform
from api.schemas import AmountMinor, Body, Name, Performed, Prepared, Signed, Start
from bridge.errors import Invalid
from bridge.platform import Platform
from bridge.services import supervision
from bridge.services.acts import Act

__all__ = ["router"]

router = APIRouter(tags=["supervision"])

SUPERVISORS = ("bank", "supervisor")
WAIVER_SECONDS = 24 * 3_600
Nonce = Annotated[int | None, Field(ge=0, lt=2**62, description="Which one it is; prepare fills it in.")]
BatchId = Annotated[str, Path(max_length=66, description="The draft's id or the batch's id on chain, hex.")]


class Freeze(Body):
    """An account to freeze or to unfreeze."""

    account: Name
    frozen: bool
    nonce: Nonce = None


class SignedFreeze(Freeze, Signed):
    """A freeze with a supervisor's signature, or an unfreezing with the quorum's."""


class MakingGood(Body):
    """What the bank took back, made good from an account's front."""

    account: Name
    dye_class: Name
    amount_minor: AmountMinor
    start: Start = None


class SignedMakingGood(MakingGood, Signed):
    """With the signatures of the quorum."""


class Sorting(Body):
    """Money of a frozen account that gets another dye class, from its front."""

    account: Name
    dye_class: Name
    to_class: Name
    amount_minor: AmountMinor
    start: Start = None


class SignedSorting(Sorting, Signed):
    """With the signatures of the quorum."""


class Pause(Body):
    """Whether everything that would start is to be stopped."""

    paused: bool
    nonce: Nonce = None


class SignedPause(Pause, Signed):
    """A pause with a supervisor's signature, or its end with those of two institutions."""


class Closing(Body):
    """An account to close for good."""

    account: Name


class SignedClosing(Closing, Signed):
    """A closing with the signature that it takes."""


class Moving(Body):
    """An account to put below another of its tree."""

    account: Name
    parent: Name
    nonce: Nonce = None


class SignedMoving(Moving, Signed):
    """A move with the signatures of operators of both parents' controllers."""


class Waiver(Body):
    """A clause that one batch may pass."""

    clause: str = Field(min_length=1, max_length=140, description="Number or name of the clause.")
    expires_at: int | None = Field(
        None, gt=0, lt=2**62, description="Chain time, seconds; a day from now when prepare fills it in."
    )


class SignedWaiver(Waiver, Signed):
    """A waiver with the signatures of the quorum."""


def _freeze(platform: Platform, wanted: Freeze) -> Act:
    return supervision.freeze(platform, wanted.account, wanted.frozen, wanted.nonce)


@router.post("/freezes/prepare", **roles(*SUPERVISORS))
def prepare_freeze(platform: ThePlatform, wanted: Freeze) -> Prepared:
    """To freeze, one supervisor of the quorum signs; to unfreeze, the quorum."""
    act = _freeze(platform, wanted)
    return prepared(act, wanted.model_dump() | {"nonce": act.message.values["nonce"]})


@router.post("/freezes", **roles(*SUPERVISORS))
def freeze(platform: RunningPlatform, wanted: SignedFreeze) -> Performed:
    """Freeze or unfreeze an account: frozen money starts nothing."""
    return performed(platform, _freeze(platform, wanted), wanted.signatures)


def _making_good(platform: Platform, wanted: MakingGood) -> Act:
    return supervision.making_good(
        platform, wanted.account, wanted.dye_class, wanted.amount_minor, wanted.start
    )


@router.post("/makings-good/prepare", **roles(*SUPERVISORS))
def prepare_making_good(platform: ThePlatform, wanted: MakingGood) -> Prepared:
    """To be signed by the tree's quorum."""
    act = _making_good(platform, wanted)
    return prepared(act, wanted.model_dump() | {"start": act.message.values["start"]})


@router.post("/makings-good", **roles(*SUPERVISORS))
def make_good(platform: RunningPlatform, wanted: SignedMakingGood) -> Performed:
    """Make good what the bank took back, so that the tree's agreements go on."""
    return performed(platform, _making_good(platform, wanted), wanted.signatures)


def _sorting(platform: Platform, wanted: Sorting) -> Act:
    return supervision.sorting(
        platform, wanted.account, wanted.dye_class, wanted.to_class, wanted.amount_minor, wanted.start
    )


@router.post("/sortings/prepare", **roles(*SUPERVISORS))
def prepare_sorting(platform: ThePlatform, wanted: Sorting) -> Prepared:
    """To be signed by the tree's quorum."""
    act = _sorting(platform, wanted)
    return prepared(act, wanted.model_dump() | {"start": act.message.values["start"]})


@router.post("/sortings", **roles(*SUPERVISORS))
def sort(platform: RunningPlatform, wanted: SignedSorting) -> Performed:
    """Give money of a frozen account another dye class, from the front of its line."""
    return performed(platform, _sorting(platform, wanted), wanted.signatures)


def _pause(platform: Platform, wanted: Pause) -> Act:
    return supervision.pause(platform, wanted.paused, wanted.nonce)


@router.get("/pauses", **roles(*EVERYONE))
def show_pause(platform: ThePlatform) -> dict[str, Any]:
    """Whether everything that would start is stopped."""
    return {"paused": supervision.is_paused(platform)}


@router.post("/pauses/prepare", **roles(*SUPERVISORS))
def prepare_pause(platform: ThePlatform, wanted: Pause) -> Prepared:
    """To pause, one supervisor signs; to resume, supervisors of two institutions."""
    act = _pause(platform, wanted)
    return prepared(act, wanted.model_dump() | {"nonce": act.message.values["nonce"]})


@router.post("/pauses", **roles(*SUPERVISORS))
def pause(platform: RunningPlatform, wanted: SignedPause) -> Performed:
    """Stop whatever would start, or let it start again."""
    return performed(platform, _pause(platform, wanted), wanted.signatures)


@router.post("/accounts/closings/prepare", **roles("bank", "operator"))
def prepare_closing(platform: ThePlatform, wanted: Closing) -> Prepared:
    """A closing to be signed by operators of the controllers of the account and of the one above."""
    return prepared(supervision.closing(platform, wanted.account), wanted.model_dump())


@router.post("/accounts/closings", **roles("bank", "operator"))
def close(platform: RunningPlatform, wanted: SignedClosing) -> Performed:
    """Close an account for good; what is there, and what comes back later, goes to its parent."""
    return performed(platform, supervision.closing(platform, wanted.account), wanted.signatures)


def _moving(platform: Platform, wanted: Moving) -> Act:
    return supervision.moving(platform, wanted.account, wanted.parent, wanted.nonce)


@router.post("/accounts/movings/prepare", **roles("bank", "operator"))
def prepare_moving(platform: ThePlatform, wanted: Moving) -> Prepared:
    """A move to be signed by operators of the controllers of the account and of both parents."""
    act = _moving(platform, wanted)
    return prepared(act, wanted.model_dump() | {"nonce": act.message.values["nonce"]})


@router.post("/accounts/movings", **roles("bank", "operator"))
def move(platform: RunningPlatform, wanted: SignedMoving) -> Performed:
    """Put an account, with all below it, under another account of its tree."""
    return performed(platform, _moving(platform, wanted), wanted.signatures)


def _waiver(platform: Platform, batch: str, wanted: Waiver, expires_at: int) -> Act:
    try:
        identity = bytes.fromhex(batch.removeprefix("0x"))
    except ValueError as error:
        raise Invalid("batch-id-invalid", "A batch's id is 64 hexadecimal digits.") from error
    return supervision.waiver(platform, identity, wanted.clause, expires_at)


@router.post("/batches/{batch}/waivers/prepare", **roles(*SUPERVISORS))
def prepare_waiver(platform: ThePlatform, batch: BatchId, wanted: Waiver) -> Prepared:
    """A waiver to be signed by the tree's quorum."""
    expires_at = wanted.expires_at or platform.chain.now() + WAIVER_SECONDS
    act = _waiver(platform, batch, wanted, expires_at)
    return prepared(act, wanted.model_dump() | {"expires_at": expires_at})


@router.post("/batches/{batch}/waivers", **roles(*SUPERVISORS))
def waive(platform: RunningPlatform, batch: BatchId, wanted: SignedWaiver) -> Performed:
    """Let one batch pass a clause; approvals, blocked payees and waiting periods are never waived."""
    if wanted.expires_at is None:
        raise Invalid("deadline-missing", "Send the time that was signed; prepare gives it.")
    return performed(platform, _waiver(platform, batch, wanted, wanted.expires_at), wanted.signatures)
