"""The guards a second time, in Python, over the chain's state at the block of an execution (I6).

Written from DESIGN §3 and the operands in `modules/guards.vy`, and used only to check what the contracts did.
"""

from collections.abc import Iterator, Sequence

from sqlalchemy.orm import Session

from bridge.chain import Chain
from bridge.store import payments, projections
from bridge.store.chain_models import BatchRow, ChunkRow
from bridge.store.models import PayoutModel
from contracts.terms import Guard, Kind, Role

__all__ = ["execution_faults"]

DAY_SECONDS = 86_400
MASK = 2**32 - 1


def execution_faults(session: Session, chain: Chain, batch: BatchRow, chunk: ChunkRow) -> Iterator[str]:
    """What was wrong with an executed chunk, as sentences."""
    where = f"batch {batch.batch.hex()} rows {chunk.first_row}-{chunk.end_row - 1}"
    moment = chain.block_time(chunk.block)
    if moment > batch.deadline:
        yield f"{where}: executed after the deadline"
    guards = _guards(chain, batch.agreement)
    met = {guard.clause for guard in guards if _whole(session, chain, batch, chunk, guards, guard, moment)}
    refused = int(chunk.refused, 16)
    for payout in payments.payouts(session, batch.root, chunk.first_row, chunk.end_row):
        if refused >> (payout.row - chunk.first_row) & 1:
            continue
        by_row = {guard.clause for guard in guards if _row(guard, payout)}
        for clause in sorted({guard.clause for guard in guards} - met - by_row):
            yield f"{where}: row {payout.row} was executed against clause {clause}"


def _guards(chain: Chain, agreement: str) -> Sequence[Guard]:
    terms = chain.read("Disbursement", "terms", at=agreement)
    return [
        Guard(clause, Kind(kind), a, b, c, subject, party) for clause, kind, a, b, c, subject, party in terms
    ]


def _row(guard: Guard, payout: PayoutModel) -> bool:
    if guard.kind == Kind.ROSTER:
        return payout.roster_index < guard.a
    return guard.kind == Kind.PAYOUT_CAP and payout.amount_minor <= guard.a


def _whole(
    session: Session,
    chain: Chain,
    batch: BatchRow,
    chunk: ChunkRow,
    guards: Sequence[Guard],
    guard: Guard,
    moment: int,
) -> bool:
    if guard.kind == Kind.APPROVAL:
        return _approvals(session, chain, batch, chunk, guard) >= guard.a
    if guard.kind == Kind.EVIDENCE:
        return _evidence(session, chain, batch, chunk, guard, moment)
    if guard.kind == Kind.TIME_WINDOW:
        second = (moment + (guard.c >> 64)) % DAY_SECONDS
        daily = guard.c & MASK <= second < guard.c >> 32 & MASK
        return guard.a <= moment <= guard.b and daily
    if guard.kind == Kind.WINDOW_CAP:
        caps = sum(each.a for each in guards if each.kind == Kind.WINDOW_CAP and each.clause == guard.clause)
        return _window_total(session, chain, batch, guard) <= caps
    return False


def _approvals(session: Session, chain: Chain, batch: BatchRow, chunk: ChunkRow, guard: Guard) -> int:
    """Institutions of the quorum with a supervisor who approved and was valid at the execution."""
    reserved_at = chain.block_time(batch.block)
    counted = set()
    for given in projections.approvals(session, batch.batch):
        institution, roles, since = chain.read("Directory", "signer", given.supervisor, block=chunk.block)
        member = chain.read("Directory", "is_member", guard.subject, institution, block=chunk.block)
        if roles & Role.SUPERVISOR and since <= reserved_at and given.block <= chunk.block and member:
            counted.add(institution)
    return len(counted)


def _evidence(
    session: Session, chain: Chain, batch: BatchRow, chunk: ChunkRow, guard: Guard, moment: int
) -> bool:
    for given in projections.evidence(session, batch.batch):
        fresh = given.block <= chunk.block and chain.block_time(given.block) + guard.a >= moment
        if given.kind == guard.subject and fresh:
            institution, roles, _ = chain.read("Directory", "signer", given.witness, block=chunk.block)
            if roles & Role.WITNESS and institution == guard.party:
                return True
    return False


def _window_total(session: Session, chain: Chain, batch: BatchRow, guard: Guard) -> int:
    """What all batches of the agreement reserved in the window of this one and did not give back.

    Several caps of a clause count one after the other, so together they bound the sum.
    """

    def window(row: BatchRow) -> int:
        return (chain.block_time(row.block) + guard.c) // guard.b

    total = 0
    for other in projections.all_batches(session):
        if other.agreement == batch.agreement and window(other) == window(batch):
            kept = other.position if other.cursor >= other.end else other.total_minor
            total += kept - _given_back(session, other)
    return total


def _given_back(session: Session, batch: BatchRow) -> int:
    """What a batch gave back before it settled; the windows may have it again."""
    gone = {row.row for row in projections.gone_rows(session, batch.batch) if row.kind != "returned_late"}
    rows = payments.payouts(session, batch.root)
    return sum(row.amount_minor for row in rows if row.row in gone)
