"""The guards a second time, in Python, over the chain's state at the block of an execution (I6).

Written from DESIGN §3 and the operands in `modules/guards.vy`, and used only to check what the contracts did.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from bridge.chain import Chain
from bridge.services.other_agreements import balance_of, state_of
from bridge.store import payments, projections
from bridge.store.chain_models import BatchRow, ChunkRow, CustodyRow, RegisteredRow
from bridge.store.models import PayoutModel
from contracts.ids import account_line
from contracts.terms import BALANCE_STATE, NON_WAIVABLE, Guard, Kind, Role

__all__ = ["execution_faults"]

DAY_SECONDS = 86_400
MASK = 2**32 - 1
MONDAY = 3
"""Days from the Monday before 1970-01-01 to it."""
EVERY_DAY = 127
MAX_ROTATIONS = 16


def execution_faults(session: Session, chain: Chain, batch: BatchRow, chunk: ChunkRow) -> Iterator[str]:
    """What was wrong with an executed chunk, as sentences. A batch from custody has no terms: its quorum
    approved every row of it."""
    where = f"batch {batch.batch.hex()} rows {chunk.first_row}-{chunk.end_row - 1}"
    look = _Look(session, chain, batch, chunk, chain.block_time(chunk.block))
    if look.moment > batch.deadline:
        yield f"{where}: executed after the deadline"
    if session.get(CustodyRow, batch.source) is not None:
        return
    guards = look.guards()
    if not look.draws_what_it_may(guards):
        yield f"{where}: drawn from another dye class than the terms allow"
    met = {guard.clause for guard in guards if look.whole(guards, guard)} | look.waived(guards)
    refused = int(chunk.refused, 16)
    for payout in payments.payouts(session, batch.root, chunk.first_row, chunk.end_row):
        if refused >> (payout.row - chunk.first_row) & 1:
            continue
        by_row = {guard.clause for guard in guards if look.row(guard, payout)}
        for clause in sorted({guard.clause for guard in guards} - met - by_row):
            yield f"{where}: row {payout.row} was executed against clause {clause}"


@dataclass(frozen=True)
class _Look:
    """One executed chunk, and where to look."""

    session: Session
    chain: Chain
    batch: BatchRow
    chunk: ChunkRow
    moment: int
    paid: dict[Guard, Counter[int]] = field(default_factory=dict)

    def guards(self) -> list[Guard]:
        """The terms in force when the chunk was executed."""
        terms = self.chain.read("Disbursement", "terms", at=self.batch.agreement, block=self.chunk.block)
        return [
            Guard(clause, Kind(kind), a, b, c, subject, party)
            for clause, kind, a, b, c, subject, party in terms
        ]

    def waived(self, guards: Sequence[Guard]) -> set[int]:
        """Clauses the quorum waived in time, of those that can be."""
        never = {guard.clause for guard in guards if guard.kind in NON_WAIVABLE}
        terms = self.chain.read("Disbursement", "terms_hash", at=self.batch.agreement, block=self.chunk.block)
        waivers = projections.waivers(self.session, self.batch.batch)
        in_time = {
            each.clause
            for each in waivers
            if each.terms == terms and self._is_before(each.block, each.expires_at)
        }
        return in_time - never

    def _is_before(self, block: int, until: int) -> bool:
        return block <= self.chunk.block and self.moment <= until

    def draws_what_it_may(self, guards: Sequence[Guard]) -> bool:
        """Without a clause about dye classes only the agreement's own may be drawn."""
        if any(guard.kind == Kind.DYE_CLASS for guard in guards):
            return True
        own = self.chain.read("Disbursement", "DYE_CLASS", at=self.batch.agreement)
        return self._draws(own)

    def _draws(self, dye_class: bytes) -> bool:
        """Whether the batch was reserved from this class; the map says so whatever was redirected since."""
        line = account_line(self.batch.account, dye_class)
        return any(each.source == line for each in projections.maps_into_all(self.session, self.batch.batch))

    # Guards about rows

    def row(self, guard: Guard, payout: PayoutModel) -> bool:
        """Whether a guard holds for one row."""
        match guard.kind:
            case Kind.ROSTER:
                return payout.roster_index < self._roster_size(guard)
            case Kind.PAYOUT_CAP:
                return payout.amount_minor <= guard.a
            case Kind.PAYEE_CAP:
                return self._paid(guard, payout.roster_index) <= guard.a
            case Kind.BLACKLIST:
                return not self._is_blocked(payout.roster_index)
            case Kind.DOCUMENT:
                found = self._document(guard)
                return found is not None and found.payee == payout.roster_index
            case _:
                return False

    def _roster_size(self, guard: Guard) -> int:
        sizes = projections.roster_sizes(self.session, self.batch.agreement, self.chunk.block)
        return max([guard.a, *sizes])

    def _is_blocked(self, payee: int) -> bool:
        blocks = projections.blocks_of_payee(self.session, self.batch.agreement, payee, self.chunk.block)
        return bool(blocks) and blocks[-1].blocked

    def _paid(self, guard: Guard, payee: int) -> int:
        """What a payee got of the agreement's executed rows in the window of this chunk, and keeps."""
        if guard not in self.paid:
            self.paid[guard] = self._paid_to_all(guard)
        return self.paid[guard][payee]

    def _paid_to_all(self, guard: Guard) -> Counter[int]:
        totals: Counter[int] = Counter()
        here = self._window(guard, self.moment)
        for batch in self._batches():
            gone = {row.row for row in projections.gone_rows(self.session, batch.batch)}
            for chunk in projections.chunks(self.session, batch.batch):
                if chunk.block > self.chunk.block:
                    continue
                if self._window(guard, self.chain.block_time(chunk.block)) != here:
                    continue
                for row in payments.payouts(self.session, batch.root, chunk.first_row, chunk.end_row):
                    totals[row.roster_index] += 0 if row.row in gone else row.amount_minor
        return totals

    def _window(self, guard: Guard, moment: int) -> int:
        return (moment + guard.c) // guard.b if guard.b else 0

    # Guards about the whole chunk

    def whole(self, guards: Sequence[Guard], guard: Guard) -> bool:
        """Whether a guard holds for every row of the chunk."""
        looks: dict[Kind, Callable[[], bool]] = {
            Kind.APPROVAL: lambda: self._approved(guard),
            Kind.WAITING: lambda: self._waited(guard),
            Kind.COUNTERSIGN: lambda: self._countersigned(guard),
            Kind.EVIDENCE: lambda: self._attested(guard),
            Kind.TIME_WINDOW: lambda: _is_open(guard, self.moment),
            Kind.CALENDAR_DAY: lambda: _is_day(guard, self.moment),
            Kind.AGREEMENT_STATE: lambda: self._other(guard),
            Kind.DYE_CLASS: lambda: self._draws(guard.subject),
            Kind.BATCH_CAP: lambda: self.batch.total_minor <= guard.a,
            Kind.WINDOW_CAP: lambda: self._counted(guard, Kind.WINDOW_CAP) <= _together(guards, guard),
            Kind.LIFETIME_CAP: lambda: self._counted(guard, Kind.LIFETIME_CAP) <= _together(guards, guard),
            Kind.LINE_CAP: lambda: not self._draws(guard.subject) or self._from_line() <= guard.a,
        }
        look = looks.get(guard.kind)
        return look is not None and look()

    def _institutions(self, given: Sequence[tuple[str, int]], role: Role) -> dict[str, bytes]:
        """Institutions of signers who hold a role at the block, and did at a time; a rotated key is the one
        that follows."""
        found = {}
        for address, known_since in given:
            signer = self._signer(address)
            for _ in range(MAX_ROTATIONS):
                if not int(signer.successor, 16):
                    break
                signer = self._signer(signer.successor)
            if signer.roles & role and signer.since <= known_since:
                found[address] = signer.institution
        return found

    def _signer(self, address: str) -> "_Signer":
        record: _Signer = self.chain.read("Directory", "signer", address, block=self.chunk.block)
        return record

    def _members(self, quorum: bytes, institutions: Sequence[bytes]) -> set[bytes]:
        block = self.chunk.block
        return {
            each
            for each in institutions
            if self.chain.read("Directory", "is_member", quorum, each, block=block)
        }

    def _approvers(self, before: int) -> list[tuple[str, int]]:
        """Who approved, by a chain time, and had not revoked it at the chunk; and when it was reserved."""
        reserved_at = self.chain.block_time(self.batch.block)
        return [
            (given.supervisor, reserved_at)
            for given in projections.approvals(self.session, self.batch.batch)
            if given.block <= self.chunk.block
            and (given.revoked is None or given.revoked > self.chunk.block)
            and self.chain.block_time(given.block) <= before
        ]

    def _approved(self, guard: Guard) -> bool:
        found = self._institutions(self._approvers(self.moment), Role.SUPERVISOR)
        members = self._members(guard.subject, list(found.values()))
        kinds = [self.chain.read("Directory", "institution_kind", each) for each in members]
        by_kind = all(kinds.count(kind) >= guard.b >> 32 * (kind - 1) & MASK for kind in range(1, 5))
        return len(members) >= guard.a and by_kind

    def _waited(self, guard: Guard) -> bool:
        found = self._institutions(self._approvers(self.moment - guard.a), Role.SUPERVISOR)
        return len(self._members(guard.subject, list(found.values()))) >= guard.b

    def _countersigned(self, guard: Guard) -> bool:
        signed = [
            (each.operator, self.chain.block_time(each.block))
            for each in projections.countersignatures(self.session, self.batch.batch)
            if each.block <= self.chunk.block
        ]
        return guard.party in self._institutions(signed, Role.OPERATOR).values()

    def _attested(self, guard: Guard) -> bool:
        fresh = [
            (given.witness, given.observed_at)
            for given in projections.evidence(self.session, self.batch.batch)
            if given.kind == guard.subject
            and given.block <= self.chunk.block
            and given.observed_at + guard.a >= self.moment
        ]
        institutions = set(self._institutions(fresh, Role.WITNESS).values())
        if guard.b <= 1:
            return guard.party in institutions
        return len(self._members(guard.party, sorted(institutions))) >= guard.b

    def _other(self, guard: Guard) -> bool:
        if guard.a == BALANCE_STATE:
            return balance_of(self.session, self.chain, guard, self.chunk.block) >= guard.b
        return state_of(self.chain, guard, self.chunk.block) == guard.a

    def _document(self, guard: Guard) -> RegisteredRow | None:
        """The batch's document, if it is of the kind and no more is spoken for than it is good for."""
        agreement = self.batch.agreement
        named = self.chain.read("Disbursement", "document_of", self.batch.batch, at=agreement)
        found = self.session.get(RegisteredRow, named)
        is_right = found is not None and found.kind == guard.subject and found.agreement == agreement
        return found if found is not None and is_right and found.used_minor <= found.amount_minor else None

    def _batches(self) -> list[BatchRow]:
        """This batch and those the agreement reserved before it."""
        return [
            each
            for each in projections.all_batches(self.session)
            if each.agreement == self.batch.agreement and each.block <= self.batch.block
        ]

    def _counted(self, guard: Guard, kind: Kind) -> int:
        """What batches up to this one reserved and did not give back; for a window's cap in its window."""

        def window(row: BatchRow) -> int:
            is_window = kind == Kind.WINDOW_CAP
            return self._window(guard, self.chain.block_time(row.block)) if is_window else 0

        return sum(self._kept(each) for each in self._batches() if window(each) == window(self.batch))

    def _from_line(self) -> int:
        """What batches up to this one took out of its line, and did not give back."""
        return sum(self._kept(each) for each in self._batches() if each.source == self.batch.source)

    def _kept(self, batch: BatchRow) -> int:
        """What of a batch its caps still count: neither released, skipped, nor back."""
        reserved = batch.position if batch.cursor >= batch.end else batch.total_minor
        skipped = {
            row.row for row in projections.gone_rows(self.session, batch.batch) if row.kind == "skipped"
        }
        rows = payments.payouts(self.session, batch.root)
        back = sum(row.amount_minor for row in rows if row.row in skipped)
        returned = projections.returns(self.session, batch.batch)
        return reserved - back - sum(each.amount_minor for each in returned)


class _Signer:
    """A signer as the directory says it."""

    institution: bytes
    roles: int
    since: int
    successor: str


def _together(guards: Sequence[Guard], guard: Guard) -> int:
    """Several caps of a clause count one after the other, so together they bound the sum."""
    return sum(each.a for each in guards if each.kind == guard.kind and each.clause == guard.clause)


def _is_open(guard: Guard, moment: int) -> bool:
    """Dates, daily hours and days of the week; hours past midnight belong to the day they began on."""
    day, second = divmod(moment + (guard.c >> 64 & MASK), DAY_SECONDS)
    begin, end = guard.c & MASK, guard.c >> 32 & MASK
    days = guard.c >> 96 & EVERY_DAY or EVERY_DAY
    is_past_midnight = begin > end and second < end
    is_open = (second >= begin or second < end) if begin > end else begin <= second < end
    dated = moment - second - 1 if is_past_midnight else moment
    is_dated = guard.a <= dated <= guard.b
    return bool(is_open and is_dated and days >> (day - is_past_midnight + MONDAY) % 7 & 1)


def _is_day(guard: Guard, moment: int) -> bool:
    """Whether a calendar allows the local day."""
    place = (moment + (guard.c & MASK)) // DAY_SECONDS - guard.a
    return bool(0 <= place < guard.b and int.from_bytes(guard.subject) >> place & 1)
