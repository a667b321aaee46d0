"""Courses of events as data, their judgement, and every example's courses on the contracts themselves."""

from collections.abc import Callable, Iterator
from typing import Any

import boa
import pytest
from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak

from contracts.agreement import (
    CompiledAgreement,
    Ran,
    RefusedAt,
    Trial,
    compile_terms,
    judge_course,
    load,
    trials,
)
from contracts.agreement.courses import Done, Passed
from contracts.agreement.steps import Consent, step
from contracts.ids import account_line, name_id
from contracts.terms import Role
from contracts.typed_data import TypedMessage
from tests.contracts.chain import Contract, Reverted
from tests.contracts.world import (
    BANK,
    QUORUM,
    World,
    actor,
    bank_bridge,
    found,
    institution,
    now,
    signer,
)

Draft = Any
EXAMPLES = (
    "bike-order",
    "budget-clearing",
    "depot-guarantee",
    "sales-split",
    "battery-receipt",
    "river-invoice",
)
TREE = "swift-courier"
ROLES = (Role.OPERATOR, Role.SUPERVISOR, Role.WITNESS)


def who(institution_id: bytes, role: Role) -> LocalAccount:
    return actor(f"{role.name} of {institution_id.hex()}")


@pytest.fixture(scope="module")
def network(facts: Any) -> Iterator[World]:
    """The institutions and accounts of the examples, on every contract."""
    with boa.env.anchor():
        world = found()
        named = [(name_id(name), kind) for name, kind in facts.institutions.items()]
        world.change([institution(id_, int(kind)) for id_, kind in named])
        world.change([signer(who(id_, role), id_, role) for id_, _ in named for role in ROLES])
        tree = name_id(TREE)
        world.accounts.open_tree(tree, BANK, QUORUM, b"CNY", name_id("swift-courier"), sender=bank_bridge)
        world.attest(10**12, tree=tree)
        for name, account in facts.accounts.items():
            if name != TREE:
                world.open(
                    name_id(name),
                    tree,
                    name_id(account.controller),
                    who(name_id("swift-courier"), Role.OPERATOR),
                )
        yield world


class Stage:
    """Runs one trial on the contracts: the runner of `contracts.agreement.courses`."""

    def __init__(self, world: World) -> None:
        self.world = world

    def __call__(self, compiled: CompiledAgreement, trial: Trial) -> Ran | RefusedAt:
        with boa.env.anchor():
            return self._run(compiled, trial)

    def _run(self, compiled: CompiledAgreement, trial: Trial) -> Ran | RefusedAt:
        content = compiled.file.content
        for number, (name, amount) in enumerate(trial.holds_minor.items()):
            if amount:
                lot = keccak(b"%d %s" % (number, name.encode()))
                self.world.ledger.mint(
                    lot,
                    name_id(TREE),
                    name_id(name),
                    compiled.dye_class_id,
                    amount,
                    bytes(32),
                    sender=bank_bridge,
                )
        agreement = self.world.activate(self.world.instance(content.template_name, compiled.arguments))
        accounts = {**trial.holds_minor}
        if isinstance(trial.expect, Ran):
            accounts |= trial.expect.gained_minor
        before = {name: self._balance(compiled, name) for name in accounts}
        done: list[Done] = []
        for place, happening in enumerate(trial.events):
            if isinstance(happening, Passed):
                boa.env.time_travel(seconds=happening.seconds)
                continue
            call = step(content, done, happening, now())
            try:
                getattr(agreement, call.function)(*(self._signed(agreement, each) for each in call.arguments))
            except Reverted as reverted:
                return RefusedAt(place, reverted.refusal.code)
            done.append(happening)
        gained = {name: self._balance(compiled, name) - amount for name, amount in before.items()}
        return Ran(gained, agreement.state())

    def _balance(self, compiled: CompiledAgreement, name: str) -> int:
        return self.world.balance(account_line(name_id(name), compiled.dye_class_id))

    def _signed(self, agreement: Contract, argument: object) -> object:
        if not isinstance(argument, Consent):
            return argument
        chain_id = boa.env.evm.patch.chain_id
        message = TypedMessage(argument.kind, chain_id, agreement.address, argument.values)
        return message.sign(who(argument.institution, argument.role))


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_courses_of_every_example_come_out(
    network: World, draft: Callable[[str], Draft], name: str
) -> None:
    compiled = draft(name).compiled()
    stage = Stage(network)
    found_trials = trials(compiled.file)
    assert found_trials
    for trial in found_trials:
        result = judge_course(trial, stage(compiled, trial))
        assert result.ok, f"{result.case}: {result.message.en}"


ACTS = {
    "escrow": (
        "bike-order",
        [
            [{"act": "refund", "amount": "1.00"}, {"act": "renounce"}],
            [{"act": "dispute", "by": "payee"}, {"act": "settle", "amount": "1.00"}],
            [{"act": "release", "of": "bikes serviced", "amount": "1.00"}, {"act": "dispute", "by": "payer"}],
        ],
    ),
    "delivery": ("battery-receipt", [[{"act": "deliver"}, {"act": "cancel"}]]),
    "guarantee": (
        "depot-guarantee",
        [
            [
                {"act": "issue"},
                {"act": "claim", "amount": "1.00"},
                {"act": "attest"},
                {"act": "claim", "amount": "2.00"},
                {"act": "attest"},
                {"act": "pay-claim"},
                {"act": "release"},
            ]
        ],
    ),
}


@pytest.mark.parametrize(("name", "courses"), ACTS.values(), ids=ACTS)
def test_every_other_act_is_taken_too(
    network: World, draft: Callable[[str], Draft], name: str, courses: list[list[dict[str, str]]]
) -> None:
    for events in courses:
        written = draft(name)
        holds = written.document["expected"][0]["holds"]
        written.document["expected"].append(
            {"name": "another", "holds": holds, "events": events, "then": {"state": "open"}}
        )
        compiled = written.compiled()
        seen = Stage(network)(compiled, trials(compiled.file)[-1])
        assert isinstance(seen, Ran), seen


REGISTERED = {"act": "register"}
PASSED_ON = {
    "act": "assign",
    "by": "creditor",
    "to": "swift-courier-east",
    "account": "swift-courier/east",
    "amount": "40000.00",
}
REPAID = {"act": "repay", "amount": "100000.00"}


@pytest.mark.parametrize(
    ("events", "then"),
    [
        (
            [REGISTERED, PASSED_ON, REPAID],
            {
                "paid": {"swift-courier/suppliers": "60000.00", "swift-courier/east": "40000.00"},
                "state": "released",
            },
        ),
        (
            [
                REGISTERED,
                PASSED_ON,
                {**PASSED_ON, "by": "swift-courier-east", "to": "financier", "amount": "10000.00"},
                {"act": "repay-on", "by": "swift-courier-east", "account": "swift-courier/sales"},
                {"act": "repay-on", "by": "financier", "account": "swift-courier/financing"},
                REPAID,
            ],
            {
                "paid": {
                    "swift-courier/suppliers": "60000.00",
                    "swift-courier/sales": "30000.00",
                    "swift-courier/financing": "10000.00",
                    "swift-courier/east": "0.00",
                },
                "state": "released",
            },
        ),
        (
            [REGISTERED, {**PASSED_ON, "to": "debtor"}],
            {"refused": "receivable.to-the-debtor"},
        ),
        (
            [REGISTERED, {"act": "repay-on", "by": "debtor", "account": "swift-courier/sales"}],
            {"refused": "receivable.not-a-holder"},
        ),
    ],
)
def test_a_debt_is_passed_on(
    network: World, draft: Callable[[str], Draft], events: list[object], then: dict[str, object]
) -> None:
    written = draft("river-invoice")
    course = {"name": "passed on", "holds": {"swift-courier": "100000.00"}, "events": events, "then": then}
    written.document["expected"].append(course)
    compiled = written.compiled()
    trial = trials(compiled.file)[-1]
    result = judge_course(trial, Stage(network)(compiled, trial))
    assert result.ok, result.message.en


def test_trials_are_plain_data(draft: Callable[[str], Draft]) -> None:
    first, nothing, ruled, refused, _ = trials(load(draft("bike-order").text))
    assert first.holds_minor == {"swift-courier/deposit": 100_000_00}
    assert first.events[2] == Done("release", milestone=1)
    assert first.expect == Ran({"swift-courier/suppliers": 100_000_00}, 2)
    assert nothing.events[0] == Passed(3_650 * 86_400)
    assert ruled.events[1] == Done("rule", amount_minor=60_000_00)
    assert refused.expect == RefusedAt(0, "escrow.milestone-is-not-attested")


@pytest.mark.parametrize(
    ("place", "seen", "ok"),
    [
        (0, Ran({"swift-courier/suppliers": 100_000_00, "swift-courier": 5}, 2), True),
        (0, Ran({"swift-courier/suppliers": 100_000_00}, 1), False),
        (0, Ran({}, 2), False),
        (0, RefusedAt(0, "escrow.disputed"), False),
        (3, RefusedAt(0, "escrow.milestone-is-not-attested"), True),
        (3, RefusedAt(0, "escrow.disputed"), False),
        (3, Ran({}, 1), False),
    ],
)
def test_judgement(draft: Callable[[str], Draft], place: int, seen: Ran | RefusedAt, ok: bool) -> None:
    trial = trials(load(draft("bike-order").text))[place]
    result = judge_course(trial, seen)
    assert (result.case, result.ok) == (trial.name, ok)
    assert ("as expected" in result.message.en) is ok
    assert ("符合预期" in result.message.zh) is ok


def test_compiling_needs_no_roster_where_there_is_none(facts: Any, draft: Callable[[str], Draft]) -> None:
    compiled = compile_terms(load(draft("bike-order").text), facts, {}, lambda _: bytes(16))
    assert (compiled.guards, compiled.roster, compiled.clause_names) == ((), (), ())
