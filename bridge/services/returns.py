"""Credits in suspense that prove to be payouts coming back, one or several; a teller says which.

The bank's key decides it on chain, as for a return that names its payout by itself.
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from eth_utils.crypto import keccak
from sqlalchemy.orm import Session

from bridge.errors import ChainRefused, Conflict, Invalid, NotFound
from bridge.platform import Mined, Platform
from bridge.returns import row_return
from bridge.store import bank as store
from bridge.store import payments, projections
from bridge.store.chain_models import LotRow, ReferenceRow
from bridge.store.models import (
    CreditKind,
    DocumentModel,
    PayoutModel,
    PayoutState,
)
from contracts.ids import commitment, name_id

__all__ = ["MAX_ROWS", "Returned", "close", "give_back"]

MAX_ROWS = 8
"""Of one call (`Ledger.return_rows`)."""
SUSPENSE = bytes(32)
ATTEMPTS = 3
TAKEN = "ledger.reference-used"


@dataclass(frozen=True)
class Returned:
    """A payout that comes back, by its end-to-end id; without an amount all that is still out of it."""

    end_to_end_id: str
    amount_minor: int | None = None


def give_back(platform: Platform, lot: bytes, rows: Sequence[Returned]) -> Mined:
    """Give payouts' own serials back out of a credit in suspense, which nobody may have touched before.

    The credit is open for further payouts afterwards, until `close`. Raises NotFound, Invalid, Conflict,
    ChainRefused.
    """
    if not 0 < len(rows) <= MAX_ROWS or len({each.end_to_end_id for each in rows}) < len(rows):
        raise Invalid("rows-invalid", f"Name one to {MAX_ROWS} payouts, each once; then the next ones.")
    with platform.database.read() as session:
        held = _lot(session, lot)
        left = _left(session, held)
        amounts = [_amount(session, held, each) for each in rows]
        if sum(amounts) > left:
            raise Invalid(
                "rows-exceed-credit", f"These payouts are {sum(amounts)} and {left} is left of the credit."
            )
        returned = [
            row_return(session, _payout(session, each), amount)
            for each, amount in zip(rows, amounts, strict=True)
        ]
    call = platform.chain.call("Ledger", "return_rows", lot, 0, returned)

    def on_queue(session: Session) -> None:
        for each, amount in zip(rows, amounts, strict=True):
            _count(_payout(session, each), amount)
        credit = store.credit_by_reference(session, lot)
        if credit is not None:
            credit.kind = CreditKind.RETURN

    return platform.perform(f"act:return:{keccak(call.data).hex()}", call, on_queue)


def close(platform: Platform, lot: bytes) -> Mined:
    """Close a credit that was opened for returns; what no payout drew becomes a lot in suspense, and a
    teller's task as the indexer reads it. Raises NotFound, Conflict, ChainRefused.

    The lot's id comes of a commitment that nobody can foresee. Who sees it on its way may be quicker and take
    it: then the credit is closed with another.
    """
    with platform.database.read() as session:
        _lot(session, lot)
        if session.get(ReferenceRow, lot) is None:
            raise Conflict("return-not-open", "No payout was given back out of this credit.")
    for _ in range(1, ATTEMPTS):
        try:
            return _close(platform, lot)
        except ChainRefused as refusal:
            if refusal.code != TAKEN:
                raise
    return _close(platform, lot)


def _close(platform: Platform, lot: bytes) -> Mined:
    salt, content = secrets.token_bytes(16), json.dumps({"remainder_of": lot.hex()}).encode()
    info = commitment(salt, content)
    call = platform.chain.call("Ledger", "close_returns", lot, SUSPENSE, name_id("general"), info)

    def on_queue(session: Session) -> None:
        session.add(DocumentModel(commitment=info, kind="lot", salt=salt, content=content))

    return platform.perform(f"act:close-return:{lot.hex()}", call, on_queue)


def _lot(session: Session, lot: bytes) -> LotRow:
    held = projections.lot_by_reference(session, lot)
    if held is None:
        raise NotFound("lot-unknown", "There is no such lot; `account tasks` names those in suspense.")
    return held


def _left(session: Session, held: LotRow) -> int:
    """What payouts may still draw of a credit, minor units."""
    opened = session.get(ReferenceRow, held.reference)
    if opened is None:
        _, emptied = projections.line_totals(session, held.line)
        if emptied:
            raise Conflict("lot-touched", "Money of this credit has been mapped already; it is no return.")
        return held.amount_minor
    if opened.closed:
        raise Conflict("return-closed", "This credit was closed; nothing more comes back out of it.")
    return opened.opened_minor - projections.drawn_of(session, held.reference)


def _payout(session: Session, named: Returned) -> PayoutModel:
    payout = payments.payout_by_end_to_end_id(session, named.end_to_end_id)
    if payout is None:
        raise NotFound(
            "payout-unknown", f"There is no payout {named.end_to_end_id}; check the end-to-end id."
        )
    return payout


def _amount(session: Session, held: LotRow, named: Returned) -> int:
    payout = _payout(session, named)
    out = payout.amount_minor - payout.returned_minor
    is_out = payout.state in (PayoutState.ORDERED, PayoutState.DEBITED)
    if not is_out or payments.tree_of_payout(session, payout) != held.tree:
        raise Conflict(
            "payout-not-out", f"{named.end_to_end_id} is {payout.state}; it cannot come back by this credit."
        )
    amount = out if named.amount_minor is None else named.amount_minor
    if not 0 < amount <= out:
        raise Invalid("amount-invalid", f"{out} minor units of {named.end_to_end_id} are still out.")
    return amount


def _count(payout: PayoutModel, amount_minor: int) -> None:
    payout.returned_minor += amount_minor
    if payout.returned_minor == payout.amount_minor:
        payout.state = PayoutState.RETURNED
