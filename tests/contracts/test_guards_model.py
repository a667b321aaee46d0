"""Random terms and batches on the contracts and in the model, step by step: equal verdicts and counters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import boa
from eth_hash.auto import keccak
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.rows import RowTree
from contracts.terms import Guard, Kind, Role, disbursement_arguments
from tests.contracts.chain import Event, Reverted
from tests.contracts.disbursements import (
    ALWAYS,
    INVOICE,
    attest,
    cancel,
    counter,
    countersign,
    future_batch,
    pass_days,
    register_document,
    restore_payee,
    revoke,
    said,
    set_blocked,
    set_roster,
    waive,
)
from tests.contracts.guard_model import DAY, Batch, Model, Paper, Refusal, Said
from tests.contracts.world import (
    AGENCY_ONE,
    AGENCY_TWO,
    AUDITOR,
    BANK,
    MATERIALS,
    PROGRESS,
    PROJECT,
    QUORUM,
    SUPPLIER,
    TREE,
    WAGES,
    ZERO,
    World,
    actor,
    agency_one_deputy,
    agency_one_supervisor,
    agency_two_supervisor,
    bank_bridge,
    bank_supervisor,
    now,
    rows_of,
    signer,
    supplier_operator,
    witness,
)
from tests.samples import examples

PAYEES = 16
ROSTER = 10
SUPERVISORS = {
    "bank": (bank_supervisor, (BANK, 1)),
    "one": (agency_one_supervisor, (AGENCY_ONE, 2)),
    "deputy": (agency_one_deputy, (AGENCY_ONE, 2)),
    "two": (agency_two_supervisor, (AGENCY_TWO, 2)),
}
WITNESSES = {
    "auditor": (witness, AUDITOR),
    "bank": (actor("bank witness"), BANK),
    "one": (actor("one witness"), AGENCY_ONE),
    "two": (actor("two witness"), AGENCY_TWO),
}
# Kind, payee and amount of each document.
PAPERS = {
    keccak(b"paper 0"): Paper(INVOICE, 1, 90),
    keccak(b"paper 1"): Paper(INVOICE, 2, 400),
    keccak(b"paper 2"): Paper(PROGRESS, 3, 200),
}
BALANCE = 700
EVERYBODY = sorted({*SUPERVISORS, *WITNESSES, "supplier"})
# A row's payee and amount; a clause that may be waived.
ROWS = st.tuples(st.integers(0, PAYEES - 1), st.integers(1, 60))
CLAUSES = st.integers(1, 6)
WINDOWS = st.sampled_from([6 * 3_600, DAY, 3 * DAY])
OFFSETS = st.sampled_from([0, 3_600])
# Replaced by the clause's number when the terms are put together.
HERE = 0


@st.composite
def clock(draw: st.DrawFn) -> Guard:
    """A time window around the test's start."""
    begin = draw(st.sampled_from([0, 9 * 3_600, 20 * 3_600]))
    end = draw(st.sampled_from([DAY, 8 * 3_600, 19 * 3_600]).filter(lambda end: end != begin))
    first, days = draw(st.sampled_from([0, now() + DAY])), draw(st.sampled_from([0, 0b1111100, 0b0011111]))
    last = draw(st.sampled_from([2**40, now() + 4 * DAY]))
    packed = begin | end << 32 | draw(OFFSETS) << 64 | days << 96
    return Guard(HERE, Kind.TIME_WINDOW, first, last, packed)


def looking(other: bytes) -> st.SearchStrategy[Guard]:
    """A guard that counts nothing."""
    quotas = st.sampled_from([0, 1, 1 << 32, 2 << 32, 1 | 1 << 32])
    bits = st.integers(1, 255)
    return st.one_of(
        quotas.map(lambda least: Guard(HERE, Kind.APPROVAL, 2, least, subject=QUORUM)),
        st.just(Guard(HERE, Kind.ROSTER, ROSTER)),
        st.integers(20, 60).map(lambda most: Guard(HERE, Kind.PAYOUT_CAP, most)),
        clock(),
        st.just(Guard(HERE, Kind.EVIDENCE, 2 * DAY, subject=PROGRESS, party=AUDITOR)),
        st.just(Guard(HERE, Kind.EVIDENCE, DAY, 2, subject=PROGRESS, party=QUORUM)),
        st.integers(50, 200).map(lambda most: Guard(HERE, Kind.BATCH_CAP, most)),
        st.just(Guard(HERE, Kind.BLACKLIST, subject=QUORUM)),
        st.sampled_from([WAGES, MATERIALS]).map(lambda of: Guard(HERE, Kind.DYE_CLASS, subject=of)),
        st.just(Guard(HERE, Kind.COUNTERSIGN, party=SUPPLIER)),
        st.sampled_from([1, 2]).map(lambda of: Guard(HERE, Kind.AGREEMENT_STATE, of, party=other)),
        st.sampled_from([BALANCE, BALANCE + 1]).map(
            lambda least: Guard(HERE, Kind.AGREEMENT_STATE, 255, least, subject=WAGES, party=other)
        ),
        st.integers(1, 2).map(lambda needed: Guard(HERE, Kind.WAITING, DAY, needed, subject=QUORUM)),
        bits.map(
            lambda days: Guard(HERE, Kind.CALENDAR_DAY, now() // DAY, 8, 3_600, subject=days.to_bytes(32))
        ),
    )


def counting() -> st.SearchStrategy[Guard]:
    """A cap over batches that may share its clause."""
    return st.one_of(
        st.builds(
            lambda a, b, c: Guard(HERE, Kind.WINDOW_CAP, a, b, c), st.integers(60, 300), WINDOWS, OFFSETS
        ),
        st.integers(150, 600).map(lambda most: Guard(HERE, Kind.LIFETIME_CAP, most)),
        st.sampled_from([INVOICE, PROGRESS]).map(
            lambda kind: Guard(HERE, Kind.DOCUMENT, subject=kind, party=AUDITOR)
        ),
    )


def alone() -> st.SearchStrategy[Guard]:
    """A cap that has a clause of its own."""
    return st.one_of(
        st.builds(lambda a, b: Guard(HERE, Kind.PAYEE_CAP, a, b), st.integers(40, 120), WINDOWS | st.just(0)),
        st.builds(
            lambda a, of: Guard(HERE, Kind.LINE_CAP, a, subject=of),
            st.integers(150, 600),
            st.sampled_from([WAGES, MATERIALS]),
        ),
    )


@st.composite
def terms(draw: st.DrawFn, other: bytes) -> list[Guard]:
    """Terms that the contracts take."""
    clauses = draw(
        st.lists(
            st.one_of(
                st.lists(looking(other), min_size=1, max_size=3),
                st.lists(counting(), min_size=1, max_size=3),
                alone().map(lambda guard: [guard]),
            ),
            min_size=2,
            max_size=6,
        )
    )
    taken: set[tuple[Kind, bytes]] = set()
    kept: list[Guard] = [ALWAYS]
    for clause in clauses:
        number = kept[-1].clause + 1
        for place, guard in enumerate(clause):
            subject = guard.subject
            if guard.kind in (Kind.WINDOW_CAP, Kind.LIFETIME_CAP, Kind.PAYEE_CAP):
                subject = counter(f"{number}/{place}")
            elif guard.kind in (Kind.LINE_CAP, Kind.DOCUMENT):
                if (guard.kind, subject) in taken:
                    continue
                taken.add((guard.kind, subject))
            kept.append(replace(guard, clause=number, subject=subject))
    return kept


class Paying:
    """One agreement under random terms, on chain and in the model."""

    def __init__(self, world: World, data: st.DataObject, guards: list[Guard]) -> None:
        self.world = world
        self.data = data
        self.batches: list[tuple[bytes, RowTree, Batch]] = []
        self.payout = world.activate(
            world.instance("disbursement", disbursement_arguments(TREE, WAGES, tuple(guards)))
        )
        self.model = Model(
            guards,
            WAGES,
            {name: held for name, (_, held) in SUPERVISORS.items()},
            {name: of for name, (_, of) in WITNESSES.items()},
            {BANK, AGENCY_ONE, AGENCY_TWO},
            state=1,
            balance=BALANCE,
            roster=ROSTER if any(guard.kind == Kind.ROSTER for guard in guards) else 0,
        )
        for document, paper in PAPERS.items():
            if any(guard.kind == Kind.DOCUMENT and guard.subject == paper.kind for guard in guards):
                register_document(self.payout, document, paper.payee, paper.amount, kind=paper.kind)
                self.model.papers[document] = replace(paper)

    def both(self, chain: Any, model: Any) -> Any:
        """Run the same on both; what one refuses, the other refuses in the same words."""
        expected: Said | None = None
        refused: Said | None = None
        outcome = None
        try:
            outcome = model()
        except Refusal as refusal:
            expected = refusal.said
        try:
            chain()
        except Reverted as reverted:
            refused = said(reverted.refusal)
        assert refused == expected
        return None if refused else (outcome,)

    def draw(self, strategy: st.SearchStrategy[Any]) -> Any:
        """Something the test chooses."""
        return self.data.draw(strategy)

    def open_batch(self) -> tuple[bytes, RowTree, Batch] | None:
        """Some batch that has not ended."""
        held = [item for item in self.batches if not item[2].ended]
        return self.draw(st.sampled_from(held)) if held else None

    def asks(self, *kinds: Kind) -> bool:
        """Whether the terms have a guard of some kind."""
        return any(guard.kind in kinds for guard in self.model.guards)

    def reserve(self) -> None:
        """Reserve a batch, maybe under a waiver, and give some of what the terms ask for."""
        rows = sorted(self.draw(st.lists(ROWS, min_size=1, max_size=16)))
        document = self.draw(st.sampled_from([*PAPERS, *PAPERS, ZERO]))
        if document in self.model.papers and self.draw(st.booleans()):
            rows = [(self.model.papers[document].payee, amount) for _, amount in rows]
        classes = [WAGES, WAGES, MATERIALS] if self.asks(Kind.DYE_CLASS) else [WAGES]
        dye_class = self.draw(st.sampled_from(classes))
        tree = rows_of([amount for _, amount in rows], [payee for payee, _ in rows])
        deadline = now() + 100 * DAY + len(self.batches)
        batch = Batch(rows, dye_class, document, now())
        batch_id = future_batch(self.world, self.payout, tree, deadline, dye_class)
        for clause in self.draw(st.sets(CLAUSES, max_size=2)):
            waive(self.world, self.payout, batch_id, clause, DAY)
            batch.waivers[clause] = now() + DAY
        done = self.both(
            lambda: self.world.reserve(self.payout, tree, deadline, dye_class, document),
            lambda: self.model.reserve(batch, now()),
        )
        if done:
            self.batches.append((batch_id, tree, batch))
            self.prepare(batch_id, batch, self.draw(st.sets(st.sampled_from(EVERYBODY), min_size=2)))

    def prepare(self, batch_id: bytes, batch: Batch, people: set[str]) -> None:
        """Give what the terms ask of these people."""
        for who in sorted(people - batch.approvals.keys()):
            if who in SUPERVISORS and self.asks(Kind.APPROVAL, Kind.WAITING):
                self.world.approve(self.payout, batch_id, [SUPERVISORS[who][0]])
                batch.approvals[who] = now()
            self.observe(batch_id, batch, who, now())
        if "supplier" in people and not batch.countersigned and self.asks(Kind.COUNTERSIGN):
            countersign(self.payout, batch_id, supplier_operator)
            batch.countersigned.add(SUPPLIER)

    def observe(self, batch_id: bytes, batch: Batch, who: str, at: int) -> None:
        """Attest evidence, if it is asked of this witness and newer than what it attested."""
        if who not in WITNESSES or at <= batch.observed.get(who, -1):
            return
        account, of = WITNESSES[who]
        asked = [guard for guard in self.model.guards if guard.kind == Kind.EVIDENCE]
        if any(of in self.model.members if guard.b > 1 else of == guard.party for guard in asked):
            attest(self.payout, batch_id, account, at=at)
            batch.observed[who] = at

    def give_the_rest(self) -> None:
        """Everybody gives what the terms ask for."""
        if held := self.open_batch():
            self.prepare(held[0], held[2], set(EVERYBODY))

    def attest(self) -> None:
        """A witness attests what it observed now or earlier."""
        if held := self.open_batch():
            age = self.draw(st.sampled_from([0, 3_600, DAY]))
            self.observe(held[0], held[2], self.draw(st.sampled_from(sorted(WITNESSES))), now() - age)

    def revoke(self) -> None:
        """Somebody takes an approval back."""
        held = self.open_batch()
        if held and (standing := sorted(held[2].approvals.keys() - held[2].revoked)):
            who = self.draw(st.sampled_from(standing))
            revoke(self.payout, held[0], SUPERVISORS[who][0])
            held[2].revoked.add(who)

    def waive(self) -> None:
        """The quorum waives a clause for a while."""
        if held := self.open_batch():
            clause, seconds = self.draw(CLAUSES), self.draw(st.sampled_from([0, DAY, 9 * DAY]))
            waive(self.world, self.payout, held[0], clause, seconds)
            held[2].waivers[clause] = now() + seconds

    def execute(self) -> None:
        """Execute the next chunk of every batch."""
        skip = self.draw(st.booleans())
        for held in self.batches:
            if not held[2].ended:
                self.execute_chunk(*held, skip)

    def execute_chunk(self, batch_id: bytes, tree: RowTree, batch: Batch, skip: bool) -> None:
        """Execute the next chunk of a batch; the same rows are refused, for the same reasons."""
        first = batch.cursor
        chunk = tree.chunks(8)[first // 8]
        done = self.both(
            lambda: self.payout.execute(batch_id, chunk.rows, chunk.proof, skip, sender=bank_bridge),
            lambda: self.model.execute(batch, min(first + 8, len(batch.rows)), now(), skip),
        )
        if done:
            named = [event for event in self.payout.events if event.name == "RowRefused"]
            assert done[0] == [(event.row, named_in(event)) for event in named]
            self.model.give_back(batch, sum(batch.rows[row][1] for row, _ in done[0]))
            self.payout.restore(batch_id)

    def cancel(self) -> None:
        """Release what is left of a batch."""
        if held := self.open_batch():
            batch_id, _, batch = held
            left = sum(amount for _, amount in batch.rows[batch.cursor :])
            assert cancel(self.payout, batch_id) == left
            self.model.give_back(batch, left)
            batch.ended = True

    def give_back(self) -> None:
        """The bank returns a row."""
        left = [
            (held, row)
            for held in self.batches
            for row in range(held[2].cursor)
            if row not in held[2].skipped | held[2].back
        ]
        if left:
            (batch_id, tree, batch), row = self.draw(st.sampled_from(left))
            self.world.give_back(batch_id, tree, row)
            batch.back.add(row)
            assert self.payout.restore(batch_id) == batch.rows[row][1]
            self.model.give_back(batch, batch.rows[row][1])
            restore_payee(self.payout, batch_id, tree, row)
            self.model.unpay(batch, row)

    def block(self) -> None:
        """Block a payee or unblock it."""
        if self.asks(Kind.BLACKLIST):
            payee = self.draw(st.integers(0, PAYEES - 1))
            blocked = payee not in self.model.blocked
            set_blocked(self.payout, payee, blocked, [bank_supervisor, agency_two_supervisor])
            self.model.blocked ^= {payee}

    def extend_roster(self) -> None:
        """Add payees."""
        if self.model.roster:
            self.model.roster += self.draw(st.integers(1, 3))
            set_roster(self.payout, self.model.roster)

    def wait(self) -> None:
        """Let time go by."""
        boa.env.timestamp += self.draw(st.sampled_from([1, 3_600, 6 * 3_600, DAY]))

    def check(self) -> None:
        """Every counter is what the model says."""
        for number, guard in enumerate(self.model.guards):
            if guard.kind in (Kind.WINDOW_CAP, Kind.LIFETIME_CAP, Kind.LINE_CAP):
                assert self.payout.consumed(number, now()) == self.model.used(number, now())
            elif guard.kind == Kind.PAYEE_CAP:
                counted = [self.payout.paid(number, payee, now()) for payee in range(PAYEES)]
                assert counted == [self.model.got(number, payee, now()) for payee in range(PAYEES)]
        for document, paper in self.model.papers.items():
            assert self.world.registry.document(document).used == paper.used


def named_in(event: Event) -> Said:
    """What a skipped row's event says."""
    code = event.code.rstrip(b"\0").decode()
    return (event.clause, event.guard, code, event.limit, event.observed)


# What is done in a row, the first most often.
STEPS = (
    *(Paying.reserve, Paying.execute) * 4,
    *(Paying.give_the_rest, Paying.give_back, Paying.wait) * 2,
    Paying.attest,
    Paying.revoke,
    Paying.waive,
    Paying.cancel,
    Paying.block,
    Paying.extend_roster,
)


def test_contracts_and_model_say_the_same(world: World) -> None:
    world.change([signer(account, of, Role.WITNESS) for account, of in list(WITNESSES.values())[1:]])
    # What they observed before the first batch they observed as witnesses.
    pass_days(1)
    world.open(PROJECT)
    world.fund(BALANCE, account=PROJECT)
    world.fund(10**7)
    world.fund(10**7, dye_class=MATERIALS)
    other = world.disbursement((ALWAYS,), PROJECT)
    party = bytes.fromhex(other.address[2:]).rjust(32, b"\0")

    @settings(max_examples=examples(30), deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        data=st.data(), guards=terms(party), steps=st.lists(st.sampled_from(STEPS), min_size=20, max_size=30)
    )
    def run(data: st.DataObject, guards: list[Guard], steps: list[Callable[[Paying], None]]) -> None:
        with boa.env.anchor():
            paying = Paying(replace(world), data, guards)
            for step in steps:
                step(paying)
                paying.check()

    run()
