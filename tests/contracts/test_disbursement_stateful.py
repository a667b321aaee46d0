"""A disbursement in any order of acts: clauses, people, counters and cents are what plain Python says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, ClassVar

import boa
from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak
from eth_utils import to_checksum_address
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from contracts.ids import account_line
from contracts.rows import RowTree
from contracts.terms import Guard, Kind, Role, disbursement_arguments
from tests.contracts import quorum, reference
from tests.contracts.acts import Acts
from tests.contracts.chain import Event, Reverted
from tests.contracts.disbursement_model import Clauses, Disbursement, Payment, Person
from tests.contracts.disbursements import (
    attest,
    cancel,
    counter,
    countersign,
    evidence,
    future_batch,
    pass_days,
    payee_cap,
    restore_payee,
    revoke,
    said,
    set_blocked,
)
from tests.contracts.guard_model import DAY, Refusal, Said
from tests.contracts.reference import Holder, NotAllowed, allow
from tests.contracts.test_money_stateful import Composition
from tests.contracts.world import (
    AGENCY_ONE,
    AGENCY_TWO,
    ATTESTED,
    AUDITOR,
    BANK,
    DELAY_SECONDS,
    MATERIALS,
    QUORUM,
    SUPPLIER,
    TREE,
    WAGES,
    ZERO,
    World,
    actor,
    agency_one_deputy,
    agency_one_governor,
    agency_one_supervisor,
    agency_two_supervisor,
    attacker,
    bank_bridge,
    bank_governor,
    bank_supervisor,
    consents,
    now,
    operator,
    returned,
    rows_of,
    signer,
    supplier_operator,
)
from tests.samples import examples

bank_deputy = actor("bank deputy")
SUPERVISORS = {
    "bank": (BANK, 1, bank_supervisor),
    "bank deputy": (BANK, 1, bank_deputy),
    "one": (AGENCY_ONE, 2, agency_one_supervisor),
    "one deputy": (AGENCY_ONE, 2, agency_one_deputy),
    "two": (AGENCY_TWO, 2, agency_two_supervisor),
}
GOVERNORS = (bank_governor, agency_one_governor)
CLASSES = {WAGES: "wages", MATERIALS: "materials"}
PAYEES, ROSTER = 10, 9
HOUR = 3_600
MOST_KEYS = 12
# Acts before the agreement may be retired.
LATE = 25
WHICH = st.integers(0, 40)
PEOPLE = st.sampled_from(sorted(SUPERVISORS))
GIVEN = st.sets(PEOPLE, min_size=2, max_size=5)
ROWS = st.lists(st.tuples(st.integers(0, PAYEES - 1), st.integers(1, 45)), min_size=1, max_size=20)
AMOUNTS = st.lists(st.integers(1, 25), min_size=17, max_size=24)
PART = st.sampled_from([0, 0, 0, 1, 7, 20])
SELDOM = st.integers(0, 7).map(lambda held: held == 0)
MOSTLY = st.integers(0, 3).map(bool)


def terms(payout: int, week: int, day: int, ever: int, countersigned: bool) -> tuple[Guard, ...]:
    """Terms whose counters stand at the same places in all versions, so that they go on."""
    more = (Guard(8, Kind.COUNTERSIGN, party=SUPPLIER),) if countersigned else ()
    return (
        Guard(0, Kind.APPROVAL, 2, 1, subject=QUORUM),
        Guard(1, Kind.ROSTER, ROSTER),
        Guard(2, Kind.BLACKLIST, subject=QUORUM),
        Guard(3, Kind.PAYOUT_CAP, payout),
        evidence(3, fresh=6 * HOUR),
        payee_cap(4, week, 7 * DAY, "week"),
        Guard(5, Kind.WINDOW_CAP, day, DAY, subject=counter("day")),
        Guard(6, Kind.LIFETIME_CAP, ever, subject=counter("ever")),
        Guard(7, Kind.DYE_CLASS, subject=WAGES),
        Guard(7, Kind.DYE_CLASS, subject=MATERIALS),
        *more,
    )


VERSIONS = (
    terms(40, 90, 900, 2_500, countersigned=False),
    terms(30, 60, 1_200, 1_500, countersigned=True),
    terms(45, 150, 500, 4_000, countersigned=False),
)
VERSION = st.integers(0, len(VERSIONS) - 1)
PAYEE_CAP, DAILY, EVER = 5, 6, 7
ACTS = Acts()


class Disbursing(RuleBasedStateMachine):
    """Each rule asks model and contracts; both do it, or both refuse, and a guard in the same words."""

    network: World
    tally: ClassVar[Counter[str]]

    def __init__(self) -> None:
        super().__init__()
        self.anchor = boa.env.anchor()
        self.anchor.__enter__()
        self.world = replace(self.network)
        self.composition = Composition()
        self.trees: dict[str, RowTree] = {}
        self.ids: dict[str, bytes] = {}
        self.names: dict[bytes, str] = {}
        self.cursors: Counter[bytes] = Counter()
        self.touched: set[str] = set()
        self.credits = self.keys = self.acts = 0

    def teardown(self) -> None:
        self.anchor.__exit__(None, None, None)

    @initialize(number=VERSION)
    def start(self, number: int) -> None:
        version = VERSIONS[number]
        self.payout = self.world.disbursement(version)
        since = self.world.directory.signer(bank_deputy.address).since
        people = {
            name: Person(institution, kind, [key], since)
            for name, (institution, kind, key) in SUPERVISORS.items()
        }
        self.model = Disbursement(
            Clauses(
                version,
                WAGES,
                {name: (institution, kind) for name, (institution, kind, _) in SUPERVISORS.items()},
                {"auditor": AUDITOR},
                {BANK, AGENCY_ONE, AGENCY_TWO},
                state=1,
                balance=0,
                roster=ROSTER,
                people=people,
            ),
            reference.Model(accounts={"tree": Holder(None)}, attested=ATTESTED),
            CLASSES,
        )
        world = self.world
        self.called = (self.payout, world.ledger, world.supervision, world.factory, world.directory)
        for contract in self.called:
            contract.events = []
        self.fund(900, WAGES)
        self.fund(300, MATERIALS)

    @rule(data=st.data())
    def act(self, data: st.DataObject) -> None:
        ACTS.do(self, data)

    # Both

    def both(
        self, name: str, model: Callable[[], Any], contract: Callable[[], Any]
    ) -> tuple[Any, Any] | None:
        """What both gave, or None where both refused: a guard in the same words."""
        expected: Refusal | NotAllowed | None = None
        made = None
        try:
            made = model()
        except (Refusal, NotAllowed) as refusal:
            expected = refusal
        refused: Reverted | None = None
        given = None
        try:
            given = contract()
        except Reverted as reverted:
            refused = reverted
        assert (refused is None) == (expected is None), f"contracts: {refused!r}, model: {expected!r}"
        if isinstance(expected, Refusal) and refused:
            assert said(refused.refusal) == expected.said
            self.tally[expected.said[2]] += 1
        if refused:
            return None
        for contract_called in self.called:
            self.feed(contract_called.events)
            contract_called.events = []
        self.tally[name] += 1
        return made, given

    def feed(self, events: list[Event]) -> None:
        """Follow what is logged: cents, and rows, each executed once and in order."""
        self.composition.feed(events, self.names)
        for event in events:
            if event.name == "ChunkExecuted":
                assert self.cursors[event.batch] == event.first_row < event.end_row
                self.cursors[event.batch] = event.end_row

    def credit(self) -> str:
        """The name of another credit."""
        self.credits += 1
        name = f"credit {self.credits}"
        self.names[keccak(name.encode())] = name
        return name

    def pick(self, which: int, is_open: bool = True) -> Payment | None:
        """Some batch; one that is open, if there is any and it is asked for."""
        payouts = self.model.money.payouts
        held = [
            batch
            for batch in self.model.payments
            if payouts[batch.name].cursor < payouts[batch.name].end and batch.version == self.model.version
        ]
        among = (held if is_open else []) or self.model.payments
        if not among:
            return None
        chosen = among[which % len(among)]
        self.touched.add(chosen.name)
        return chosen

    def supervisors(self, is_weak: bool = False) -> list[LocalAccount]:
        """One key of each institution that has any; of a weak quorum, all keys of the first."""
        people = [person for person in self.model.clauses.people.values() if person.active]
        if is_weak:
            return [person.key for person in people if person.institution == people[0].institution]
        return list({person.institution: person.key for person in people}.values())

    # Money and time

    @ACTS.often(3, amount=st.integers(1, 400), dye=st.sampled_from(sorted(CLASSES)))
    def fund(self, amount: int, dye: bytes) -> None:
        name = self.credit()
        self.both(
            "fund",
            lambda: self.model.money.mint(name, amount, ("tree", CLASSES[dye])),
            lambda: self.world.fund(amount, dye_class=dye, reference=keccak(name.encode())),
        )

    @ACTS.often(2, seconds=st.sampled_from([1, HOUR, 6 * HOUR, DAY, DAY, 3 * DAY, 7 * DAY, 20 * DAY]))
    def wait(self, seconds: int) -> None:
        boa.env.timestamp += seconds

    @ACTS.often(1, is_frozen=st.booleans(), is_weak=SELDOM)
    def freeze(self, is_frozen: bool, is_weak: bool) -> None:
        by = self.supervisors(is_weak or is_frozen)

        def model() -> None:
            self.model.agree(by, now(), needed=1 if is_frozen else 2)
            allow(is_frozen or self.model.money.accounts["tree"].frozen, "nothing to change")
            self.model.money.accounts["tree"].frozen = is_frozen

        self.both("freeze", model, lambda: self.world.freeze(TREE, is_frozen, by))

    # Batches

    @ACTS.often(
        3,
        rows=ROWS,
        dye=st.sampled_from([WAGES, WAGES, WAGES, MATERIALS, MATERIALS, ZERO]),
        hours=st.sampled_from([2, 30, 200, 1_000]),
        people=GIVEN,
        ahead=st.none() | st.integers(0, 8),
        again=SELDOM,
    )
    def reserve(
        self,
        rows: list[tuple[int, int]],
        dye: bytes,
        hours: int,
        people: set[str],
        ahead: int | None,
        again: bool,
    ) -> None:
        self.reserve_batch(rows, dye, hours, people, ahead, again)

    def reserve_batch(
        self,
        rows: list[tuple[int, int]],
        dye: bytes,
        hours: int,
        people: set[str],
        ahead: int | None = None,
        again: bool = False,
    ) -> Payment | None:
        """Reserve a batch, maybe one that is there, or under a waiver; some approve it at once."""
        known = self.pick(0) if again else None
        deadline = known.deadline if known else now() + hours * HOUR + len(self.model.payments)
        batch = Payment(sorted(rows), dye, ZERO, now(), deadline=deadline, version=self.model.version)
        if known:
            batch.rows, batch.dye_class = known.rows, known.dye_class
        tree = rows_of([amount for _, amount in batch.rows], [payee for payee, _ in batch.rows])
        batch_id = future_batch(self.world, self.payout, tree, deadline, batch.dye_class)
        batch.name = batch_id.hex()
        if known is None and ahead is not None:
            self.waive_clause(batch, batch_id, ahead, DAY, self.supervisors())
        done = self.both(
            "reserve",
            lambda: self.model.reserve(batch, now()),
            lambda: self.world.reserve(self.payout, tree, deadline, batch.dye_class),
        )
        if done is None:
            return None
        assert done[1] == batch_id
        self.trees[batch.name], self.ids[batch.name] = tree, batch_id
        self.touched.add(batch.name)
        for who in sorted(people):
            self.approve_by(batch, who, self.model.clauses.people[who].key)
        return batch

    @ACTS.often(4, rows=ROWS, dye=st.sampled_from(sorted(CLASSES)), skip=MOSTLY, observed=st.booleans())
    def pay(self, rows: list[tuple[int, int]], dye: bytes, skip: bool, observed: bool) -> None:
        """All that is asked is given, so that much is paid."""
        if self.model.money.accounts["tree"].frozen:
            self.freeze(is_frozen=False, is_weak=False)
        self.pay_batch(rows, dye, skip, observed)

    def pay_batch(
        self, rows: list[tuple[int, int]], dye: bytes, skip: bool, observed: bool
    ) -> Payment | None:
        """Reserve a batch, give it all that is asked and execute it as far as that goes."""
        batch = self.reserve_batch(rows, dye, 400, {"bank", "one", "two"})
        if batch is None:
            return None
        self.countersign_by(batch, SUPPLIER, supplier_operator)
        if observed:
            self.attest_to(batch, now())
        for _ in range(0, len(rows), 8):
            self.execute_next(batch, 8, skip)
        return batch

    @ACTS.often(4, rows=ROWS, row=WHICH, part=PART, by_credit=st.booleans(), is_settled=st.booleans())
    def pay_and_answer(
        self, rows: list[tuple[int, int]], row: int, part: int, by_credit: bool, is_settled: bool
    ) -> None:
        """What is paid comes back, before or after settling."""
        batch = self.pay_batch(rows, WAGES, skip=True, observed=True)
        if batch is None:
            return
        if is_settled:
            self.settle_batch(batch)
        self.give_back_row(batch, row, part, by_credit, is_back=True)

    @ACTS.often(1, amounts=AMOUNTS, days=st.lists(st.integers(0, 5), min_size=3, max_size=3), row=WHICH)
    def pay_over_weeks(self, amounts: list[int], days: list[int], row: int) -> None:
        """Chunks run in other windows than those before; a row goes back to the window that counted it."""
        rows = [(place * 3 // 8, amount) for place, amount in enumerate(amounts)]
        batch = self.reserve_batch(rows, WAGES, 1_000, {"bank", "one", "two"})
        if batch is None:
            return
        self.countersign_by(batch, SUPPLIER, supplier_operator)
        for waited in days:
            self.execute_next(batch, 8, skip=True)
            boa.env.timestamp += waited * DAY
        self.give_back_row(batch, row, 0, by_credit=False, is_back=True)

    @ACTS.often(
        4, which=WHICH, size=st.sampled_from([8, 8, 16]), skip=st.booleans(), in_order=MOSTLY, is_open=MOSTLY
    )
    def execute(self, which: int, size: int, skip: bool, in_order: bool, is_open: bool) -> None:
        batch = self.pick(which, is_open)
        if batch and in_order:
            self.execute_next(batch, size, skip)
        elif batch:
            chunks = self.trees[batch.name].chunks(size)
            self.execute_chunk(batch, chunks[which % len(chunks)], skip)

    def execute_next(self, batch: Payment, size: int, skip: bool) -> None:
        """Execute the chunk that follows, of eight rows where no longer one begins there."""
        cursor = self.model.money.payouts[batch.name].cursor
        chunks = [chunk for rows in (8, size) for chunk in self.trees[batch.name].chunks(rows)]
        fitting = [chunk for chunk in chunks if chunk.first_row == cursor]
        self.execute_chunk(batch, fitting[-1] if fitting else chunks[0], skip)

    def execute_chunk(self, batch: Payment, chunk: Any, skip: bool) -> None:
        """Execute a chunk; the same rows are refused, for the same reasons."""
        number = len(chunk.rows) // 43
        by = bank_bridge if skip else attacker
        call = (self.ids[batch.name], chunk.rows, chunk.proof, skip)
        named: list[tuple[int, Said]] = []

        def contract() -> None:
            self.payout.execute(*call, sender=by)
            named.extend(
                (
                    event.row,
                    (
                        event.clause,
                        event.guard,
                        event.code.rstrip(b"\0").decode(),
                        event.limit,
                        event.observed,
                    ),
                )
                for event in self.payout.events
                if event.name == "RowRefused"
            )

        done = self.both(
            "execute", lambda: self.model.execute(batch, chunk.first_row, number, now(), skip), contract
        )
        if done:
            assert done[0] == named
            self.tally["rows executed"] += number - len(named)
            self.tally["rows skipped"] += len(named)

    @ACTS.often(1, which=WHICH, by=st.sampled_from([operator, operator, attacker]))
    def cancel(self, which: int, by: LocalAccount) -> None:
        if batch := self.pick(which, is_open=which % 2 == 0):
            done = self.both(
                "cancel",
                lambda: self.model.cancel(batch, by is operator),
                lambda: cancel(self.payout, self.ids[batch.name], by),
            )
            assert done is None or done[0] == done[1]

    @ACTS.often(1, which=WHICH, by=st.sampled_from(["quorum", "weak", "anyone"]))
    def release(self, which: int, by: str) -> None:
        """The quorum ends a batch; after its deadline, or once the agreement is retired, anyone does."""
        batch = self.pick(which)
        if batch is None:
            return
        batch_id, keys = self.ids[batch.name], self.supervisors(by == "weak")

        def model() -> int:
            if by == "anyone":
                allow(now() > batch.deadline or self.model.is_retired, "not the batch's agreement")
            else:
                self.model.agree(keys, now())
            return self.model.release(batch)

        def contract() -> Any:
            if by == "anyone":
                return self.world.ledger.release(batch_id, sender=attacker)
            return self.world.decided("Release", batch_id, by=keys, batch=batch_id)

        done = self.both("release", model, contract)
        assert done is None or done[0] == done[1]

    # The bank's answers

    @ACTS.often(2, which=WHICH, row=WHICH, part=PART, by_credit=st.booleans(), is_back=MOSTLY)
    def give_back(self, which: int, row: int, part: int, by_credit: bool, is_back: bool) -> None:
        if batch := self.pick(which, is_open=False):
            self.give_back_row(batch, row, part, by_credit, is_back)

    def give_back_row(self, batch: Payment, row: int, part: int, by_credit: bool, is_back: bool) -> None:
        """A row comes back, whole or in part; then its payee's caps get it back, or refuse to."""
        held, tree = self.model.money.payouts[batch.name], self.trees[batch.name]
        row %= held.cursor or len(tree.rows)
        left = batch.rows[row][1] - held.back.get(row, 0)
        amount = min(part, left)
        name = self.credit() if by_credit else None
        credit = keccak(name.encode()) if name else ZERO
        opened = (amount or left) if name else 0
        rows = [returned(self.ids[batch.name], tree, row, amount)]
        self.both(
            "give back",
            lambda: self.model.give_back(batch, row, amount, name),
            lambda: self.world.ledger.return_rows(credit, opened, rows, sender=bank_bridge),
        )
        if is_back:
            self.restore_payee_of(batch, row)

    @ACTS.often(1, which=WHICH)
    def settle(self, which: int) -> None:
        if batch := self.pick(which, is_open=False):
            self.settle_batch(batch)

    def settle_batch(self, batch: Payment) -> None:
        """The bank has answered every row."""
        self.both(
            "settle",
            lambda: self.model.money.settle(batch.name),
            lambda: self.world.ledger.settle(self.ids[batch.name], sender=bank_bridge),
        )

    @ACTS.often(2, which=WHICH)
    def restore(self, which: int) -> None:
        """What went back goes back to the caps, before settling or after."""
        batch = self.pick(which, is_open=False)
        if batch is None:
            return
        given = self.payout.restore(self.ids[batch.name])
        assert given == self.model.restore(batch)
        self.tally["restore"] += given > 0

    @ACTS.often(1, which=WHICH, row=WHICH)
    def restore_payee(self, which: int, row: int) -> None:
        if batch := self.pick(which, is_open=False):
            self.restore_payee_of(batch, row % len(batch.rows))

    def restore_payee_of(self, batch: Payment, row: int) -> None:
        """Give a row back to the caps of its payee."""
        self.both(
            "restore payee",
            lambda: self.model.restore_payee(batch, row),
            lambda: restore_payee(self.payout, self.ids[batch.name], self.trees[batch.name], row),
        )

    # What people give to a batch

    @ACTS.often(2, which=WHICH, who=st.sampled_from([*sorted(SUPERVISORS), "stranger"]), of_old=SELDOM)
    def approve(self, which: int, who: str, of_old: bool) -> None:
        if batch := self.pick(which, is_open=which % 4 > 0):
            person = self.model.clauses.people.get(who)
            self.approve_by(batch, who, person.keys[0 if of_old else -1] if person else attacker)

    def approve_by(self, batch: Payment, who: str, key: LocalAccount) -> None:
        """Approve a batch with a key."""
        self.both(
            "approve",
            lambda: self.model.approve(batch, who, key, now()),
            lambda: self.world.approve(self.payout, self.ids[batch.name], [key]),
        )

    @ACTS.often(1, which=WHICH, who=PEOPLE, of_old=st.booleans())
    def revoke(self, which: int, who: str, of_old: bool) -> None:
        if batch := self.pick(which):
            key = self.model.clauses.people[who].keys[0 if of_old else -1]
            self.both(
                "revoke",
                lambda: self.model.revoke(batch, who, key),
                lambda: revoke(self.payout, self.ids[batch.name], key),
            )

    @ACTS.often(
        1,
        which=WHICH,
        age=st.sampled_from([0, HOUR, DAY]),
        by=st.sampled_from(["witness", "supplier", "stranger"]),
    )
    def attest_or_countersign(self, which: int, age: int, by: str) -> None:
        batch = self.pick(which)
        if batch and by == "witness":
            self.attest_to(batch, now() - age)
        elif batch and by == "supplier":
            self.countersign_by(batch, SUPPLIER, supplier_operator)
        elif batch:
            self.countersign_by(batch, None, attacker)

    def countersign_by(self, batch: Payment, party: bytes | None, by: LocalAccount) -> None:
        """Countersign a batch."""
        self.both(
            "countersign",
            lambda: self.model.countersign(batch, party),
            lambda: countersign(self.payout, self.ids[batch.name], by),
        )

    def attest_to(self, batch: Payment, at: int) -> None:
        """Attest what was observed at a moment."""
        self.both(
            "attest",
            lambda: self.model.attest(batch, "auditor", at),
            lambda: attest(self.payout, self.ids[batch.name], at=at),
        )

    @ACTS.often(
        1, which=WHICH, clause=st.integers(0, 8), seconds=st.sampled_from([0, HOUR, 9 * DAY]), is_weak=SELDOM
    )
    def waive(self, which: int, clause: int, seconds: int, is_weak: bool) -> None:
        if batch := self.pick(which):
            self.waive_clause(batch, self.ids[batch.name], clause, seconds, self.supervisors(is_weak))

    def waive_clause(
        self, batch: Payment, batch_id: bytes, clause: int, seconds: int, by: list[LocalAccount]
    ) -> None:
        """Waive a clause of a batch; one that is never waived is not satisfied by it."""
        until, hashed = now() + seconds, self.payout.terms_hash()
        values = {"account": TREE, "batch": batch_id, "terms": hashed, "clause": clause, "expiresAt": until}

        def model() -> None:
            self.model.agree(by, now())
            if batch.version == self.model.version:
                batch.waivers[clause] = until

        self.both("waive", model, lambda: self.decided("Waiver", values, by))

    def decided(self, kind: str, values: dict[str, Any], by: Iterable[LocalAccount]) -> Any:
        """Have Supervision do what these people signed."""
        given = consents(by, kind, self.world.supervision, **values)
        return self.world.supervision.waive(*values.values(), given)

    # People

    @ACTS.often(1, who=PEOPLE, is_lost=st.booleans())
    def lose_a_key(self, who: str, is_lost: bool) -> None:
        """A supervisor gets another key, or none; one who had none is a supervisor again."""
        if not self.model.clauses.people[who].active:
            self.add_again(who)
        elif is_lost:
            self.suspend(who)
        else:
            self.rotate(who)

    def suspend(self, who: str) -> None:
        """What a supervisor approved counts no more."""
        person = self.model.clauses.people[who]

        def model() -> None:
            person.active = False

        self.both("suspend", model, lambda: self.world.suspend(person.key, GOVERNORS))

    def add_again(self, who: str) -> None:
        """A suspended supervisor is one again, for batches that are reserved from then on."""
        person = self.model.clauses.people[who]
        person.since = max(now() + DELAY_SECONDS, person.since) + 1
        person.active = True
        self.world.change([signer(person.key, person.institution, Role.SUPERVISOR)])
        self.tally["add again"] += 1

    def rotate(self, who: str) -> None:
        """What a supervisor approved counts on, by the key that follows."""
        person = self.model.clauses.people[who]
        self.keys += 1
        old, new = person.key, actor(f"{who}, key {self.keys}")
        since = self.world.directory.signer(old.address).since
        values = {"signer": old.address, "successor": new.address, "since": since}
        given = consents((old, new, *GOVERNORS), "Rotation", self.world.directory, **values)
        if len(person.keys) > MOST_KEYS:
            return

        def model() -> None:
            person.keys.append(new)

        self.both("rotate", model, lambda: self.world.directory.rotate(old.address, new.address, given))

    @ACTS.often(1, payee=st.integers(0, PAYEES - 1), is_blocked=st.booleans(), is_weak=st.booleans())
    def block(self, payee: int, is_blocked: bool, is_weak: bool) -> None:
        by, blocked = self.supervisors(is_weak), self.model.clauses.blocked

        def model() -> None:
            self.model.agree(by, now(), needed=1 if is_blocked else 2)
            (blocked.add if is_blocked else blocked.discard)(payee)

        self.both("block", model, lambda: set_blocked(self.payout, payee, is_blocked, by))

    # Terms

    @ACTS.often(1, number=VERSION, is_weak=SELDOM, seldom=st.integers(0, 2))
    def adopt(self, number: int, is_weak: bool, seldom: int) -> None:
        version = VERSIONS[number]
        by = self.supervisors(is_weak)
        if seldom:
            return

        def model() -> None:
            self.model.agree(by, now())
            self.model.adopt(version)

        arguments = disbursement_arguments(TREE, WAGES, version)
        self.both("adopt", model, lambda: quorum.adopt(self.world, self.payout, arguments, by))

    @ACTS.often(1, is_weak=st.booleans(), seldom=st.integers(0, 3))
    def retire(self, is_weak: bool, seldom: int) -> None:
        by = self.supervisors(is_weak)
        if seldom or self.acts < LATE:
            return

        def model() -> None:
            self.model.agree(by, now())
            allow(not self.model.is_retired, "retired")
            self.model.is_retired = True

        self.both("retire", model, lambda: quorum.retire(self.world, self.payout, by))

    # What holds after every act

    @invariant()
    def money_is_where_the_model_has_it(self) -> None:
        """I1 and I3: the tree's totals, its lines, and the batches that were touched."""
        ledger, model = self.world.ledger, self.model.money
        self.acts += 1
        balances = model.reserved
        for dye, name in CLASSES.items():
            queue = model.line(("account", "tree", name))
            assert ledger.line(account_line(TREE, dye)) == (len(queue.cents), queue.left)
            balances += len(queue.resting)
        for name in self.touched & model.payouts.keys():
            held, payout = ledger.batch(self.ids[name]), model.payouts[name]
            assert (held.cursor, held.end, held.settled) == (payout.cursor, payout.end, payout.settled)
        self.touched.clear()
        tree = ledger.tree(TREE)
        assert (tree.minted, tree.settled, tree.held) == (model.minted, model.settled, balances)
        assert (tree.returned_late, tree.brought) == (model.returned_late, model.brought)
        assert tree.minted + tree.returned_late - tree.settled == balances + model.in_flight

    @invariant()
    def maps_partition_every_lot(self) -> None:
        """I5: composing the logs finds every cent exactly once, where the model has it."""
        found = []
        for dye, name in CLASSES.items():
            resting = self.composition.resting(account_line(TREE, dye))
            assert resting == self.model.money.line(("account", "tree", name)).resting
            found += resting
        for name, payout in self.model.money.payouts.items():
            resting = self.composition.resting(self.ids[name])
            assert resting == payout.flying + [
                c for row in payout.rows[payout.cursor : payout.end] for c in row
            ]
            found += resting
        assert len(found) == len(set(found)) == self.model.money.minted

    @invariant()
    def counters_are_the_models(self) -> None:
        """I8: every counter is what the batches and rows make it, and no cap is passed but by a waiver."""
        self.model.counters_follow_from_the_batches()
        clauses = self.model.clauses
        for number in (DAILY, EVER):
            assert self.payout.consumed(number, now()) == clauses.used(number, now())
        for payee in {self.acts % PAYEES, self.acts * 3 % PAYEES}:
            assert self.payout.paid(PAYEE_CAP, payee, now()) == clauses.got(PAYEE_CAP, payee, now())

    @invariant()
    def approvals_are_the_models(self) -> None:
        """The last batch lists who approved and did not revoke, by the keys they had."""
        if self.model.payments:
            batch = self.model.payments[self.acts % len(self.model.payments)]
            standing = {batch.approved_with[who].address for who in batch.approvals.keys() - batch.revoked}
            given = self.payout.approvers(self.ids[batch.name])
            assert {to_checksum_address(who) for who in given} == standing


def machine_on(world: World) -> type[Disbursing]:
    """The machine on a network with two supervisors of the bank, and nothing counted yet."""
    world.change([signer(bank_deputy, BANK, Role.SUPERVISOR)])
    pass_days(1)
    held = {"network": world, "tally": Counter()}
    return type("DisbursementOnTheNetwork", (Disbursing,), held)


def test_payouts_keep_to_their_clauses_in_any_order_of_acts(world: World) -> None:
    machine = machine_on(world)
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples(12), stateful_step_count=50, deadline=None)
    )
    # Whatever was drawn, something was paid, and something refused.
    assert all(machine.tally[name] for name in ("rows executed", "rows skipped")), machine.tally
