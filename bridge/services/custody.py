"""Custody: money that supervisors set apart, and what they carve out of a line."""

from collections.abc import Sequence
from dataclasses import dataclass

from bridge.chain import Call
from bridge.errors import Conflict, Invalid, NotFound
from bridge.platform import Platform
from bridge.services.acts import Act
from bridge.services.supervision import account_row
from bridge.services.tracing import StoredMaps, find_lot
from bridge.store import directory, projections
from bridge.store.chain_models import CustodyRow, LotRow
from bridge.trace import forward
from contracts.ids import account_line, lot_line, name_id, pieces_hash

__all__ = ["MAX_PIECES", "Images", "Source", "carving", "images", "lot_freeze", "thawing"]

MAX_PIECES = 32
"""Of one carving, as in `Supervision`."""
NO_CREDIT = bytes(32)

Piece = tuple[int, int]
"""Positions of a line, from the first to the one behind the last."""


@dataclass(frozen=True)
class Source:
    """What is carved: an account's line of one dye class, or a custody."""

    account: str | None = None
    dye_class: str | None = None
    custody: bytes | None = None

    def line(self, platform: Platform) -> bytes:
        """Its line. Raises Invalid unless it is one of both, NotFound."""
        if self.custody is not None and self.account is None and self.dye_class is None:
            _expect_custody(platform, self.custody)
            return self.custody
        if self.custody is None and self.account is not None and self.dye_class is not None:
            return account_line(account_row(platform, self.account).account, name_id(self.dye_class))
        raise Invalid("line-missing", "Name an account and a dye class, or a custody, and not both.")


@dataclass(frozen=True)
class Images:
    """Where money of a credit rests on a line: positions, rising, of as many pieces as one carving takes."""

    reference: bytes
    pieces: tuple[Piece, ...]
    more_minor: int
    """What of it rests there too, for another carving."""


def images(platform: Platform, credit: str, source: Source, of_reversed: bool) -> Images:
    """The images of a credit on a line, composed from the maps; no more than the bank took back of it and is
    still out, if `of_reversed`.

    `credit`: a lot, or the bank's reference. Raises NotFound, Invalid, Conflict where there is nothing.
    """
    line = source.line(platform)
    with platform.database.read() as session:
        lot = find_lot(session, credit)
        found = forward(StoredMaps(session), lot.line, 0, lot.amount_minor)
        pieces = _joined(
            sorted((each.start, each.start + each.amount) for each in found if each.line == line)
        )
    if not pieces:
        raise Conflict(
            "images-missing", "Nothing of this credit rests there; `trace credit` says where it is."
        )
    there = sum(end - start for start, end in pieces)
    wanted = _still_out(platform, lot) if of_reversed else there
    cut = _first(pieces, wanted)[:MAX_PIECES]
    return Images(lot.reference, tuple(cut), min(there, wanted) - sum(end - start for start, end in cut))


def _still_out(platform: Platform, lot: LotRow) -> int:
    """What the bank took back of a credit and nobody made good, minor units. Raises Conflict for nothing."""
    taken = platform.chain.read("Supervision", "reversed", lot.reference)
    recovered = platform.chain.read("Supervision", "recovered", lot.reference)
    still_out = min(int(taken - recovered), int(platform.chain.read("Ledger", "tree", lot.tree).shortfall))
    if still_out == 0:
        raise Conflict(
            "credit-not-reversed",
            "The bank took nothing of this credit back that is still out; `break reverse` records it.",
        )
    return still_out


def _joined(pieces: Sequence[Piece]) -> list[Piece]:
    """Pieces of a line, rising, neighbours as one."""
    found: list[Piece] = []
    for start, end in pieces:
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def _first(pieces: Sequence[Piece], amount: int) -> list[Piece]:
    """The first of pieces, up to an amount."""
    found = []
    for start, end in pieces:
        end = min(end, start + amount)
        if end > start:
            found.append((start, end))
            amount -= end - start
    return found


def carving(
    platform: Platform, source: Source, pieces: Sequence[Piece], reversed_credit: bytes | None = None
) -> Act:
    """Carve pieces out of the line of a frozen account, or out of a custody; the tree's quorum signs.

    They go into a custody of their own, or, as images of a credit that the bank took back, off the ledger.

    Raises NotFound, Invalid.
    """
    line = source.line(platform)
    if not 1 <= len(pieces) <= MAX_PIECES:
        raise Invalid("pieces-invalid", f"A carving takes 1 to {MAX_PIECES} pieces.")
    listed, reference = list(pieces), reversed_credit or NO_CREDIT

    def build(signatures: list[bytes]) -> Call:
        call, content = platform.chain.call, (listed, reference, signatures)
        if source.custody is not None:
            return call("Supervision", "carve_custody", source.custody, *content)
        place = (name_id(source.account or ""), name_id(source.dye_class or ""))
        return call("Supervision", "carve", *place, *content)

    message = platform.chain.message(
        "Carving", "Supervision", line=line, pieces=pieces_hash(listed), reference=reference
    )
    return Act(message, build)


def lot_freeze(platform: Platform, lot: bytes, start: int | None = None) -> Act:
    """Take what is in suspense of a lot into custody at once; one supervisor of the quorum signs.

    `start`: the lot's front when it was signed; None for where it is now. Raises NotFound.
    """
    with platform.database.read() as session:
        if projections.lot_by_reference(session, lot) is None:
            raise NotFound("lot-unknown", "There is no such lot; `account tasks` names those in suspense.")
    if start is None:
        _, start = platform.chain.read("Ledger", "line", lot_line(lot))

    def build(signatures: list[bytes]) -> Call:
        return platform.chain.call("Supervision", "freeze_lot", lot, signatures)

    return Act(platform.chain.message("LotFreeze", "Supervision", lot=lot, start=start), build)


def thawing(
    platform: Platform,
    custody: bytes,
    account: str,
    dye_class: str,
    amount_minor: int,
    start: int | None = None,
) -> Act:
    """Let money go out of custody, from its front, to where it was carved from; a lot's to any account of the
    tree. The tree's quorum signs.

    `start`: the custody's front when it was signed; None for where it is now. Raises NotFound.
    """
    identity = account_row(platform, account).account
    _expect_custody(platform, custody)
    if start is None:
        _, start = platform.chain.read("Ledger", "line", custody)
    arguments = (custody, identity, name_id(dye_class), amount_minor)

    def build(signatures: list[bytes]) -> Call:
        return platform.chain.call("Supervision", "thaw", *arguments, signatures)

    message = platform.chain.message(
        "Thawing",
        "Supervision",
        custody=custody,
        account=identity,
        dyeClass=arguments[2],
        amount=amount_minor,
        start=start,
    )
    return Act(message, build, lambda session: directory.put_names(session, [dye_class]))


def _expect_custody(platform: Platform, custody: bytes) -> None:
    """Raises NotFound for a custody that is none."""
    with platform.database.read() as session:
        if session.get(CustodyRow, custody) is None:
            raise NotFound("custody-unknown", "There is no such custody; `account list --json` names them.")
