"""A new version of an agreement's terms tried over what the agreement paid so far."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from sqlalchemy.orm import Session

from bridge.chain import Chain
from bridge.errors import Invalid
from bridge.platform import Platform
from bridge.services import agreements
from bridge.services.other_agreements import balance_of, state_of
from bridge.store import payments, projections
from bridge.store.chain_models import BatchRow, MapRow, RegisteredRow
from bridge.store.models import AgreementFileModel
from contracts.agreement import AgreementFile, RosterEntry, load
from contracts.agreement.compile import compile_terms
from contracts.agreement.evaluate import Approved, BatchFacts, DocumentFacts, Observed
from contracts.agreement.replay import Change, PastBatch, PastRow, Replay, Version, replay
from contracts.ids import account_line, name_id
from contracts.terms import BALANCE_STATE, Guard, InstitutionKind, Kind, MapKind

__all__ = ["run", "shown"]

NO_SALT = bytes(16)
"""A replay needs no root: the salt of every payee, for the compiler."""


def run(platform: Platform, content: bytes, rosters: Mapping[str, bytes]) -> Replay:
    """Try the terms of a file over the past of the agreement of that name that is in force.

    Raises AgreementInvalid with every fault of the file, NotFound where there is no such agreement, Invalid
    `replay-impossible` where the two are not versions of one disbursement.
    """
    file = load(content)
    with platform.database.read() as session:
        held = agreements.find(session, file.content.agreement)
        before = [
            RosterEntry(payee.index, payee.name, payee.account) for payee in payments.roster(session, held.id)
        ]
        new = _new_version(platform, file, rosters, before)
        old = _version_in_force(platform.chain, held, len(before))
        guards = (*old.guards, *new.guards)
        past = [
            _Past(session, platform.chain, batch, guards).told(held)
            for batch in projections.all_batches(session)
            if batch.agreement == held.address
        ]
    try:
        return replay(old, new, past)
    except ValueError as error:
        raise Invalid("replay-impossible", f"The file cannot be replayed: {error}.") from error


def _new_version(
    platform: Platform, file: AgreementFile, rosters: Mapping[str, bytes], before: Sequence[RosterEntry]
) -> Version:
    facts = agreements.directory_facts(platform)
    compiled = compile_terms(file, facts, rosters, lambda _: NO_SALT, before)
    try:
        return Version.of(compiled)
    except ValueError as error:
        raise Invalid("replay-impossible", f"The file cannot be replayed: {error}.") from error


def _version_in_force(chain: Chain, held: AgreementFileModel, payees: int) -> Version:
    """The terms as the chain has them."""
    if held.template.partition("@")[0] != "disbursement":
        raise Invalid("replay-impossible", f"{held.id} is no disbursement; only those have past payouts.")
    terms = chain.read("Disbursement", "terms", at=held.address)
    guards = tuple(
        Guard(clause, Kind(kind), a, b, c, subject, party) for clause, kind, a, b, c, subject, party in terms
    )
    return Version(name_id(held.account), name_id(held.dye_class), guards, tuple(held.clause_names), payees)


class _Past:
    """One batch, and where its facts are."""

    def __init__(self, session: Session, chain: Chain, batch: BatchRow, guards: Sequence[Guard]) -> None:
        self.session, self.chain, self.batch, self.guards = session, chain, batch, guards

    def told(self, held: AgreementFileModel) -> PastBatch:
        """The batch as a replay takes it."""
        reserved_place = self._reserved_place()
        rows = tuple(self._rows(reserved_place))
        waived = {each.clause for each in projections.waivers(self.session, self.batch.batch)}
        names = tuple(
            held.clause_names[clause] for clause in sorted(waived) if clause < len(held.clause_names)
        )
        released = self._released()
        return PastBatch(
            "0x" + self.batch.batch.hex(),
            self._facts(rows),
            rows,
            names,
            None if released is None else self.chain.block_time(released.block),
            reserved_place,
            0 if released is None else released.id,
        )

    def _reserved_place(self) -> int:
        """Place of the batch's reservation in the chain, as `Event.order` counts."""
        return projections.maps_into(self.session, self.batch.batch, 0, self.batch.total_minor)[0].id

    def _released(self) -> MapRow | None:
        """The map by which what was not executed went back, if it did."""
        maps = projections.maps_from(self.session, self.batch.batch, 0, self.batch.total_minor)
        return next((each for each in maps if each.kind == MapKind.RELEASE), None)

    def _rows(self, reserved_place: int) -> Iterator[PastRow]:
        gone = projections.gone_rows(self.session, self.batch.batch)
        whole = {each.row for each in gone if each.kind == "returned"}
        returned = {
            each.row: (self.chain.block_time(each.block), each.id)
            for each in projections.returns(self.session, self.batch.batch)
            if each.row in whole
        }
        for chunk in projections.chunks(self.session, self.batch.batch):
            at, refused = self.chain.block_time(chunk.block), int(chunk.refused, 16)
            # A chunk is known by its block only: there it counts as first, but for its own reservation.
            executed_place = max(chunk.block << 24, reserved_place)
            for row in payments.payouts(self.session, self.batch.root, chunk.first_row, chunk.end_row):
                paid = not refused >> (row.row - chunk.first_row) & 1
                returned_at, returned_place = returned.get(row.row, (None, 0))
                yield PastRow(
                    row.roster_index,
                    row.amount_minor,
                    at,
                    paid,
                    returned_at,
                    executed_place,
                    returned_place,
                )

    def _facts(self, rows: Sequence[PastRow]) -> BatchFacts:
        batch = self.batch
        return BatchFacts(
            dye_class=self._dye_class(),
            total_minor=batch.total_minor,
            reserved_at=self.chain.block_time(batch.block),
            approvals=tuple(self._approvals()),
            evidence=tuple(self._evidence()),
            countersigned=frozenset(
                each.institution for each in projections.countersignatures(self.session, batch.batch)
            ),
            document=self._document(),
            blocked=frozenset(row.payee for row in rows if self._is_blocked(row.payee)),
            states=dict(self._states()),
            balances=dict(self._balances()),
            members=self._members(),
        )

    def _dye_class(self) -> bytes:
        """The class whose line the batch was reserved from."""
        own = bytes(self.chain.read("Disbursement", "DYE_CLASS", at=self.batch.agreement))
        named = [guard.subject for guard in self.guards if guard.kind in (Kind.DYE_CLASS, Kind.LINE_CAP)]
        sources = {each.source for each in projections.maps_into_all(self.session, self.batch.batch)}
        drawn = (each for each in (own, *named) if account_line(self.batch.account, each) in sources)
        return next(drawn, own)

    def _approvals(self) -> Iterator[Approved]:
        for given in projections.approvals(self.session, self.batch.batch):
            if given.revoked is None:
                kind = self.chain.read("Directory", "institution_kind", given.institution)
                yield Approved(given.institution, InstitutionKind(kind), self.chain.block_time(given.block))

    def _evidence(self) -> Iterator[Observed]:
        for given in projections.evidence(self.session, self.batch.batch):
            institution = self.chain.read("Directory", "signer", given.witness).institution
            at = self.chain.block_time(given.block)
            yield Observed(given.kind, institution, given.observed_at, at)

    def _document(self) -> DocumentFacts | None:
        named = self.chain.read("Disbursement", "document_of", self.batch.batch, at=self.batch.agreement)
        held = self.session.get(RegisteredRow, named)
        return None if held is None else DocumentFacts(named, held.kind, held.payee, held.amount_minor)

    def _last_block(self) -> int:
        chunks = projections.chunks(self.session, self.batch.batch)
        return max((chunk.block for chunk in chunks), default=self.batch.block)

    def _is_blocked(self, payee: int) -> bool:
        blocks = projections.blocks_of_payee(self.session, self.batch.agreement, payee, self._last_block())
        return bool(blocks) and blocks[-1].blocked

    def _others(self) -> Iterator[Guard]:
        return (guard for guard in self.guards if guard.kind == Kind.AGREEMENT_STATE)

    def _states(self) -> Iterator[tuple[bytes, int]]:
        """States of other agreements when the batch was executed."""
        for guard in self._others():
            if guard.a != BALANCE_STATE:
                yield guard.party, state_of(self.chain, guard, self._last_block())

    def _balances(self) -> Iterator[tuple[tuple[bytes, bytes], int]]:
        for guard in self._others():
            if guard.a == BALANCE_STATE:
                held = balance_of(self.session, self.chain, guard, self._last_block())
                yield (guard.party, guard.subject), held

    def _members(self) -> dict[bytes, frozenset[bytes]]:
        """Members now of every quorum that either version names."""
        quorums = {guard.subject for guard in self.guards if guard.kind in (Kind.APPROVAL, Kind.WAITING)}
        quorums |= {guard.party for guard in self.guards if guard.kind == Kind.EVIDENCE and guard.b > 1}
        return {each: frozenset(projections.quorum_members(self.session, each)) for each in quorums}


def shown(found: Replay) -> dict[str, object]:
    """What a replay found, for people and programs."""
    return {
        "rows": found.rows,
        "changes": [_change(each) for each in found.changes],
        "unexplained": [{"batch": batch, "row": row} for batch, row in found.unexplained],
        "counters_restarted": list(found.restarted),
    }


def _change(change: Change) -> dict[str, object]:
    verdicts = {
        name: {**asdict(verdict), "message": asdict(verdict.text)}
        for name, verdict in (("old", change.old), ("new", change.new))
    }
    return {
        "batch": change.batch,
        "row": change.row,
        "payee": change.payee,
        "amount_minor": change.amount_minor,
        **verdicts,
    }
