"""The guards off chain against the contracts: random terms, random batches, the same verdicts."""

from collections.abc import Callable, Iterator

import boa
import pytest
from eth_hash.auto import keccak
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from contracts.agreement.clock import is_open
from contracts.agreement.evaluate import (
    Approved,
    BatchFacts,
    Book,
    DocumentFacts,
    Observed,
    Refused,
    Reserved,
    Terms,
    judge,
    pay_row,
    reserve,
    restore,
)
from contracts.agreement.values import DAY_SECONDS
from contracts.ids import name_id
from contracts.terms import BALANCE_STATE, NON_WAIVABLE, Guard, InstitutionKind, Kind, Refusal
from tests.contracts.chain import Contract, Reverted
from tests.contracts.world import (
    AGENCY_ONE,
    AGENCY_TWO,
    AUDITOR,
    BANK,
    MATERIALS,
    PROGRESS,
    QUORUM,
    SUPPLIER,
    TREE,
    WAGES,
    ZERO,
    World,
    agency_one_supervisor,
    agency_two_supervisor,
    bank_bridge,
    bank_supervisor,
    consents,
    found,
    now,
    rows_of,
    signed,
    supplier_operator,
    witness,
)
from tests.samples import examples

HOUR = 3_600
PAYEES = 8
INVOICE = name_id("invoice")
SUPERVISORS = {
    bank_supervisor: (BANK, InstitutionKind.BANK),
    agency_one_supervisor: (AGENCY_ONE, InstitutionKind.AGENCY),
    agency_two_supervisor: (AGENCY_TWO, InstitutionKind.AGENCY),
}

amounts = st.integers(1, 200)


@pytest.fixture(scope="module")
def network() -> Iterator[World]:
    with boa.env.anchor():
        held = found()
        held.fund(10**9)
        held.fund(10**9, dye_class=MATERIALS)
        yield held


@st.composite
def looking(draw: st.DrawFn, start: int, other: bytes) -> Guard:
    """A guard that counts nothing, some of the time satisfied."""
    kind = draw(
        st.sampled_from(
            [
                Kind.APPROVAL,
                Kind.ROSTER,
                Kind.PAYOUT_CAP,
                Kind.TIME_WINDOW,
                Kind.EVIDENCE,
                Kind.BATCH_CAP,
                Kind.BLACKLIST,
                Kind.DYE_CLASS,
                Kind.COUNTERSIGN,
                Kind.AGREEMENT_STATE,
                Kind.WAITING,
                Kind.CALENDAR_DAY,
            ]
        )
    )
    match kind:
        case Kind.APPROVAL:
            quota = draw(st.sampled_from([0, 1, 1 << 32, 1 | 1 << 32, 2 << 32]))
            return Guard(0, kind, 2, quota, subject=QUORUM)
        case Kind.WAITING:
            return Guard(0, kind, draw(st.integers(1, 8)) * HOUR, draw(st.integers(1, 3)), subject=QUORUM)
        case Kind.ROSTER:
            return Guard(0, kind, PAYEES, subject=name_id("roster"))
        case Kind.PAYOUT_CAP:
            return Guard(0, kind, draw(amounts))
        case Kind.BATCH_CAP:
            return Guard(0, kind, draw(st.integers(50, 800)))
        case Kind.TIME_WINDOW:
            first = start + draw(st.integers(-4, 8)) * HOUR
            begin, end = draw(st.lists(st.integers(0, 23), min_size=2, max_size=2, unique=True))
            packed = begin * HOUR | end * HOUR << 32 | draw(st.integers(0, 23)) * HOUR << 64
            days = draw(st.integers(0, 127))
            return Guard(0, kind, first, first + draw(st.integers(1, 90)) * HOUR, packed | days << 96)
        case Kind.CALENDAR_DAY:
            bitmap = draw(st.integers(1, 255)).to_bytes(32)
            offset = draw(st.integers(0, 23)) * HOUR
            return Guard(0, kind, start // DAY_SECONDS - 1, 8, offset, subject=bitmap)
        case Kind.EVIDENCE:
            several = draw(st.booleans())
            fresh = draw(st.integers(1, 8)) * HOUR
            party = QUORUM if several else AUDITOR
            return Guard(0, kind, fresh, 2 if several else 0, subject=PROGRESS, party=party)
        case Kind.BLACKLIST:
            return Guard(0, kind, subject=QUORUM)
        case Kind.DYE_CLASS:
            return Guard(0, kind, subject=draw(st.sampled_from([WAGES, MATERIALS])))
        case Kind.COUNTERSIGN:
            return Guard(0, kind, party=SUPPLIER)
        case _:
            if draw(st.booleans()):
                return Guard(0, kind, draw(st.integers(1, 2)), party=other)
            least = draw(st.sampled_from([1, 10**12]))
            return Guard(0, kind, BALANCE_STATE, least, subject=WAGES, party=other)


@st.composite
def counting(draw: st.DrawFn, clause: int) -> Guard:
    """A cap over batches, or what one payee gets."""
    kind = draw(st.sampled_from([Kind.WINDOW_CAP, Kind.LIFETIME_CAP, Kind.PAYEE_CAP]))
    most, key = draw(st.integers(100, 900)), name_id(f"clause {clause}")
    if kind == Kind.LIFETIME_CAP:
        return Guard(0, kind, most, subject=key)
    length = draw(st.sampled_from([HOUR, 7 * HOUR, DAY_SECONDS]))
    if kind == Kind.PAYEE_CAP and draw(st.booleans()):
        return Guard(0, kind, most, subject=key)
    return Guard(0, kind, most, length, draw(st.integers(0, length - 1)), subject=key)


@st.composite
def clauses(draw: st.DrawFn, start: int, other: bytes) -> tuple[Guard, ...]:
    """Terms the chain takes: clauses that look, that count, or that have a cap of one line or document."""
    found: list[list[Guard]] = []
    extra = [
        [Guard(0, Kind.LINE_CAP, draw(st.integers(100, 1_500)), subject=MATERIALS)],
        [Guard(0, Kind.DOCUMENT, subject=INVOICE, party=AUDITOR)],
    ]
    for number in range(draw(st.integers(1, 5))):
        shape = draw(st.integers(0, 9))
        if shape in (0, 1, 2, 3):
            found.append([draw(counting(number))])
        elif shape == 4 and extra:
            found.append(extra.pop(draw(st.integers(0, len(extra) - 1))))
        else:
            found.append(draw(st.lists(looking(start, other), min_size=1, max_size=3)))
    payee_caps = [guards for guards in found if guards[0].kind == Kind.PAYEE_CAP]
    kept = [guards for guards in found if guards not in payee_caps[4:]]
    return tuple(
        Guard(number, guard.kind, guard.a, guard.b, guard.c, guard.subject, guard.party)
        for number, guards in enumerate(kept)
        for guard in guards
    )


def asked(guards: tuple[Guard, ...], *kinds: Kind) -> bool:
    return any(guard.kind in kinds for guard in guards)


def refusal(call: Callable[[], object]) -> Refused | None:
    """What the chain refused a call with, if it did."""
    try:
        call()
    except Reverted as reverted:
        said: Refusal = reverted.refusal
        if said.clause is None:
            return Refused(said.code)
        return Refused(said.code, said.clause, said.guard, said.limit, said.observed)
    return None


class Payments:
    """One agreement on both sides: the contract, and the evaluator with its book."""

    def __init__(self, world: World, guards: tuple[Guard, ...], other: bytes) -> None:
        self.world, self.guards, self.other = world, guards, other
        self.payout: Contract = world.disbursement(guards)
        self.terms = Terms(guards, WAGES, PAYEES if asked(guards, Kind.ROSTER) else 0)
        self.book = Book()
        self.batches = 0
        self.blocked: frozenset[int] = frozenset()

    def block(self, payee: int) -> None:
        if asked(self.guards, Kind.BLACKLIST) and payee not in self.blocked:
            values = {"payee": payee, "blocked": True, "nonce": self.payout.block_nonce()}
            self.payout.set_blocked(
                payee, True, consents([agency_one_supervisor], "Block", self.payout, **values)
            )
            self.blocked |= {payee}

    def pay(self, data: st.DataObject) -> None:
        """One batch on both sides."""
        world, payout = self.world, self.payout
        self.batches += 1
        payees = sorted(data.draw(st.lists(st.integers(0, PAYEES), min_size=1, max_size=8)))
        tree = rows_of([data.draw(amounts) for _ in payees], payees)
        drawn = (
            [MATERIALS, WAGES]
            if asked(self.guards, Kind.DYE_CLASS, Kind.LINE_CAP)
            else [*[WAGES] * 5, MATERIALS]
        )
        dye_class = data.draw(st.sampled_from(drawn))
        deadline = now() + 30 * DAY_SECONDS + self.batches
        document = self.document(data, payees)
        arguments = (TREE, dye_class, tree.root, len(tree.rows), tree.total_minor, deadline)
        batch = world.ledger.batch_id(payout.address, *arguments)
        waived = self.waive(data, batch)
        facts = BatchFacts(
            dye_class,
            tree.total_minor,
            now(),
            waived=waived,
            document=document,
            states={self.other: 1},
            balances={(self.other, WAGES): world.ledger.account_balance(TREE, WAGES)},
            members={QUORUM: frozenset({BANK, AGENCY_ONE, AGENCY_TWO})},
        )
        reserved = reserve(self.terms, facts, self.book)
        named_document = document.document if document else ZERO
        refused = refusal(lambda: world.reserve(payout, tree, deadline, dye_class, named_document))
        if refused is not None:
            event(f"reserve: {refused.code}")
            assert refused == reserved
            return
        assert isinstance(reserved, Reserved)
        facts = self.given(data, batch, facts)
        balance = world.ledger.account_balance(TREE, WAGES)
        facts = BatchFacts(
            **{**vars(facts), "blocked": self.blocked, "balances": {(self.other, WAGES): balance}}
        )
        met = judge(self.terms, facts, reserved, now())
        (chunk,) = tree.chunks(256)
        refused = refusal(lambda: payout.execute(batch, chunk.rows, chunk.proof, True, sender=bank_bridge))
        if refused is not None:
            event(f"judge: {refused.code}")
            assert refused == met
            return
        assert not isinstance(met, Refused)
        named = {
            log.row: Refused(log.code.rstrip(b"\0").decode(), log.clause, log.guard, log.limit, log.observed)
            for log in payout.events
            if log.name == "RowRefused"
        }
        for place, row in enumerate(tree.rows):
            refused = pay_row(self.terms, facts, met, row.roster_index, row.amount_minor, now(), self.book)
            event(f"row: {refused.code if refused else 'paid'}")
            assert refused == named.get(place)
        gone = sum(tree.rows[place].amount_minor for place in named)
        if gone and data.draw(st.booleans()):
            payout.restore(batch)
            restore(self.terms, facts, reserved, gone, self.book)

    def document(self, data: st.DataObject, payees: list[int]) -> DocumentFacts | None:
        if not asked(self.guards, Kind.DOCUMENT) or data.draw(st.integers(0, 4)) == 0:
            return None
        held = DocumentFacts(
            keccak(b"%d %s" % (self.batches, self.payout.address.encode())),
            INVOICE,
            data.draw(st.sampled_from(payees)),
            data.draw(st.integers(100, 2_000)),
        )
        values = {
            "document": held.document,
            "kind": INVOICE,
            "holder": SUPPLIER,
            "payee": held.payee,
            "amount": held.amount_minor,
        }
        given = signed(witness, "Document", self.payout, **values)
        self.payout.register_document(*values.values(), given)
        return held

    def waive(self, data: st.DataObject, batch: bytes) -> frozenset[int]:
        clauses = {guard.clause for guard in self.guards}
        if data.draw(st.integers(0, 3)):
            return frozenset()
        clause = data.draw(st.sampled_from(sorted(clauses)))
        expires = now() + 30 * DAY_SECONDS
        self.world.decided(
            "Waiver",
            TREE,
            batch,
            self.payout.terms_hash(),
            clause,
            expires,
            account=TREE,
            batch=batch,
            terms=self.payout.terms_hash(),
            clause=clause,
            expiresAt=expires,
        )
        return frozenset({clause})

    def given(self, data: st.DataObject, batch: bytes, facts: BatchFacts) -> BatchFacts:
        """Approvals, evidence and counter-signatures over some hours."""
        approvals: list[Approved] = []
        evidence: list[Observed] = []
        signatures: set[bytes] = set()
        for who, (institution, kind) in SUPERVISORS.items():
            boa.env.time_travel(seconds=data.draw(st.integers(0, 3)) * HOUR)
            if asked(self.guards, Kind.APPROVAL, Kind.WAITING) and data.draw(st.integers(0, 3)):
                self.world.approve(self.payout, batch, [who])
                approvals.append(Approved(institution, kind, now()))
        alone = any(guard.kind == Kind.EVIDENCE and guard.b == 0 for guard in self.guards)
        if alone and data.draw(st.integers(0, 3)):
            observed = now() - data.draw(st.integers(0, 6)) * HOUR
            values = {"batch": batch, "kind": PROGRESS, "digest": keccak(batch), "observedAt": observed}
            self.payout.attest(*values.values(), signed(witness, "Evidence", self.payout, **values))
            evidence.append(Observed(PROGRESS, AUDITOR, observed, now()))
        if asked(self.guards, Kind.COUNTERSIGN) and data.draw(st.booleans()):
            document = self.payout.document_of(batch)
            values = {"batch": batch, "terms": self.payout.terms_hash(), "document": document}
            self.payout.countersign(
                batch, signed(supplier_operator, "Countersignature", self.payout, **values)
            )
            signatures.add(SUPPLIER)
        boa.env.time_travel(seconds=data.draw(st.integers(0, 9)) * HOUR)
        return BatchFacts(
            **{
                **vars(facts),
                "approvals": tuple(approvals),
                "evidence": tuple(evidence),
                "countersigned": frozenset(signatures),
            }
        )


@settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_the_evaluator_says_what_the_contract_says(network: World, data: st.DataObject) -> None:
    with boa.env.anchor():
        other_contract = network.disbursement()
        other = bytes.fromhex(other_contract.address[2:]).rjust(32, b"\0")
        guards = data.draw(clauses(now(), other))
        payments = Payments(network, guards, other)
        for _ in range(3):
            if data.draw(st.integers(0, 3)) == 0:
                payments.block(data.draw(st.integers(0, PAYEES)))
            payments.pay(data)
            boa.env.time_travel(seconds=data.draw(st.integers(0, 30)) * HOUR)


def test_nobody_waives_what_people_give() -> None:
    guards = (Guard(0, Kind.APPROVAL, 2, subject=QUORUM),)
    facts = BatchFacts(WAGES, 1, 0, waived=frozenset({0}), members={QUORUM: frozenset({BANK})})
    terms = Terms(guards, WAGES, 1)
    reserved = reserve(terms, facts, Book())
    assert isinstance(reserved, Reserved)
    assert Kind.APPROVAL in NON_WAIVABLE
    assert judge(terms, facts, reserved, 0) == Refused("approvals-missing", 0, 0, 2, 0)


def test_the_clock_is_the_same_everywhere() -> None:
    calendar = Guard(0, Kind.CALENDAR_DAY, 1, 1, 0, subject=(1).to_bytes(32))
    assert [is_open(calendar, at) for at in (DAY_SECONDS - 1, DAY_SECONDS, 2 * DAY_SECONDS)] == [
        False,
        True,
        False,
    ]
