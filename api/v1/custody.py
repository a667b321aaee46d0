"""Custody: what supervisors set apart, carve out of a line, and let go again."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field, model_validator

from api.acts import performed, prepared
from api.auth import EVERYONE, roles
from api.context import RunningPlatform, ThePlatform
from api.schemas import AmountMinor, Body, Hash, Name, Performed, Prepared, Signed, Start
from bridge.platform import Platform
from bridge.services import custody
from bridge.services.acts import Act
from bridge.services.custody import MAX_PIECES

__all__ = ["router"]

router = APIRouter(tags=["custody"])

SUPERVISORS = ("bank", "supervisor")


class LotFreeze(Body):
    """A lot whose rest in suspense is to go into custody."""

    lot: Hash
    start: Start = None


class SignedLotFreeze(LotFreeze, Signed):
    """A freeze with a supervisor's signature."""


class Thawing(Body):
    """Money to let go out of custody, from its front."""

    custody: Hash
    account: Name
    dye_class: Name
    amount_minor: AmountMinor
    start: Start = None


class SignedThawing(Thawing, Signed):
    """A thawing with the signatures of the quorum."""


class Piece(Body):
    """Positions of a line: from `start` to the one before `end`."""

    start: int = Field(ge=0, lt=2**63)
    end: int = Field(gt=0, lt=2**63)

    @model_validator(mode="after")
    def _rises(self) -> "Piece":
        if self.end <= self.start:
            raise ValueError("a piece ends behind its start")
        return self


class Carving(Body):
    """Pieces to carve out of the line of a frozen account, or out of a custody."""

    account: Name | None = None
    dye_class: Name | None = None
    custody: Hash | None = None
    pieces: list[Piece] = Field(min_length=1, max_length=MAX_PIECES, description="Rising.")
    reversed_credit: Hash | None = Field(
        None,
        description="The credit that the bank took back, whose images they are; else they go to custody.",
    )


class SignedCarving(Carving, Signed):
    """A carving with the signatures of the quorum."""


def _lot_freeze(platform: Platform, wanted: LotFreeze) -> Act:
    return custody.lot_freeze(platform, _bytes(wanted.lot), wanted.start)


@router.post("/lot-freezes/prepare", **roles(*SUPERVISORS))
def prepare_lot_freeze(platform: ThePlatform, wanted: LotFreeze) -> Prepared:
    """A freeze of a lot, to be signed by one supervisor of the quorum."""
    act = _lot_freeze(platform, wanted)
    return prepared(act, wanted.model_dump() | {"start": act.message.values["start"]})


@router.post("/lot-freezes", **roles(*SUPERVISORS))
def freeze_lot(platform: RunningPlatform, wanted: SignedLotFreeze) -> Performed:
    """Take what is in suspense of a lot into custody; the quorum thaws it."""
    return performed(platform, _lot_freeze(platform, wanted), wanted.signatures)


def _thawing(platform: Platform, wanted: Thawing) -> Act:
    return custody.thawing(
        platform, _bytes(wanted.custody), wanted.account, wanted.dye_class, wanted.amount_minor, wanted.start
    )


@router.post("/thawings/prepare", **roles(*SUPERVISORS))
def prepare_thawing(platform: ThePlatform, wanted: Thawing) -> Prepared:
    """A thawing to be signed by the tree's quorum."""
    act = _thawing(platform, wanted)
    return prepared(act, wanted.model_dump() | {"start": act.message.values["start"]})


@router.post("/thawings", **roles(*SUPERVISORS))
def thaw(platform: RunningPlatform, wanted: SignedThawing) -> Performed:
    """Let money go out of custody, back to where it was carved from."""
    return performed(platform, _thawing(platform, wanted), wanted.signatures)


def _source(account: str | None, dye_class: str | None, held: str | None) -> custody.Source:
    return custody.Source(account, dye_class, None if held is None else _bytes(held))


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


@router.get("/carvings/pieces", **roles(*EVERYONE))
def list_pieces(
    platform: ThePlatform,
    credit: Annotated[
        str, Query(min_length=1, max_length=140, description="The bank's reference, or a lot.")
    ],
    account: Annotated[Name | None, Query()] = None,
    dye_class: Annotated[Name | None, Query()] = None,
    held: Annotated[Hash | None, Query(alias="custody")] = None,
    of_reversed: Annotated[
        bool, Query(description="No more than the bank took back of the credit and is still out.")
    ] = False,
) -> dict[str, Any]:
    """Where money of a credit rests on the line of an account, or in a custody: what a carving may name."""
    found = custody.images(platform, credit, _source(account, dye_class, held), of_reversed)
    return {
        "credit": found.reference.hex(),
        "pieces": [{"start": start, "end": end} for start, end in found.pieces],
        "amount_minor": sum(end - start for start, end in found.pieces),
        "more_minor": found.more_minor,
    }


def _carving(platform: Platform, wanted: Carving) -> Act:
    return custody.carving(
        platform,
        _source(wanted.account, wanted.dye_class, wanted.custody),
        [(piece.start, piece.end) for piece in wanted.pieces],
        None if wanted.reversed_credit is None else _bytes(wanted.reversed_credit),
    )


@router.post("/carvings/prepare", **roles(*SUPERVISORS))
def prepare_carving(platform: ThePlatform, wanted: Carving) -> Prepared:
    """A carving to be signed by the tree's quorum."""
    return prepared(_carving(platform, wanted), wanted.model_dump())


@router.post("/carvings", **roles(*SUPERVISORS))
def carve(platform: RunningPlatform, wanted: SignedCarving) -> Performed:
    """Carve pieces out of a line: into custody, or against what a reversed credit left short."""
    return performed(platform, _carving(platform, wanted), wanted.signatures)
