"""Expected results as plain data: what a simulation sets up, asks for, and must see."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from contracts.agreement._check_expected import clause_reference_faults
from contracts.agreement.expectations import UNKNOWN_PAYEE, Attested, Expectation, PayRequest, Refused
from contracts.agreement.guards import STATES
from contracts.agreement.model import Agreement, AgreementFile
from contracts.agreement.texts import Text
from contracts.agreement.values import duration_seconds, minor_units, unix_seconds
from contracts.errors import AgreementInvalid
from contracts.terms import Refusal

__all__ = [
    "Case",
    "CaseResult",
    "GivenDocument",
    "GivenEvidence",
    "Paid",
    "RefusedBy",
    "cases",
    "judge",
]


@dataclass(frozen=True)
class Paid:
    """The payment was made."""


@dataclass(frozen=True)
class RefusedBy:
    """The clause that must refuse: its number on chain, its name, and the code it gives."""

    clause: int
    name: str
    code: str


@dataclass(frozen=True)
class GivenEvidence:
    """Evidence of a case: its kind, how long before the payment it was observed, by how many institutions.

    `institutions` is None for as many as the terms ask for.
    """

    kind: str
    observed_seconds_ago: int = 0
    institutions: int | None = None


@dataclass(frozen=True)
class GivenDocument:
    """The document a batch names: its kind, what is left of it, and its payee.

    `payee` is a name on the roster; None for one who is not on it.
    """

    kind: str
    left_minor: int
    payee: str | None


@dataclass(frozen=True)
class Case:
    """One case to simulate."""

    name: str
    balance_minor: int
    """What the account holds when the payment is asked for, minor units."""
    approvals: int
    """How many institutions of the quorum approve."""
    evidence: tuple[str, ...]
    """Kinds of evidence that are attested."""
    at_seconds: int | None
    """Chain time of the payment, unix seconds; None for now."""
    paid_in_window_minor: int
    """What was paid earlier in the same window, minor units."""
    payee: str | None
    """Name on the roster; None for a payee who is not on it, and in an allocation."""
    fund: str | None
    """Account to fund; None in a disbursement."""
    amount_minor: int
    expect: Paid | RefusedBy
    approvers: tuple[str, ...] = ()
    """The institutions that approve, where the case names them; else any `approvals` of the quorum."""
    approved_seconds_ago: int = 0
    """How long before the payment the approvals were given."""
    attested: tuple[GivenEvidence, ...] = ()
    """The evidence with its details, in the order of `evidence`."""
    paid_minor: int = 0
    """What was paid before that window, minor units."""
    paid_to_payee_minor: int = 0
    """What the payee got earlier in the same window of a payee cap, minor units."""
    waived: tuple[int, ...] = ()
    """Numbers of the clauses a quorum waived for the batch."""
    blocked: bool = False
    """Whether the payee is blocked."""
    countersigned: bool = False
    """Whether every counter-signature the terms ask for is given."""
    document: GivenDocument | None = None
    states: Mapping[str, int] = field(default_factory=dict)
    """State of other agreements by name, as `IAgreement.state` numbers them."""
    balances: Mapping[str, int] = field(default_factory=dict)
    """What accounts of other agreements hold of the class the terms ask for, minor units."""
    dye_class: str | None = None
    """Class of money asked for; None for that of the agreement."""


@dataclass(frozen=True)
class CaseResult:
    """Whether a case came out as expected, and a sentence that says what happened."""

    case: str
    ok: bool
    message: Text


def cases(file: AgreementFile) -> tuple[Case, ...]:
    """The expected payments of a file, in its order; courses of events are for `courses`.

    Raises AgreementInvalid if one names a clause that does not exist or a code that clause does not give.
    """
    content = file.content
    faults = tuple(clause_reference_faults(content))
    if faults:
        raise AgreementInvalid(faults)
    return tuple(_case(content, expected) for _, expected in content.requests)


def judge(case: Case, outcome: Paid | Refusal) -> CaseResult:
    """Compare what a simulation saw with what the case expects."""
    if isinstance(case.expect, Paid):
        ok = isinstance(outcome, Paid)
    else:
        ok = isinstance(outcome, Refusal) and (outcome.clause, outcome.code) == (
            case.expect.clause,
            case.expect.code,
        )
    seen, wanted = _seen(outcome), _wanted(case.expect)
    if ok:
        return CaseResult(case.name, ok, Text(f"符合预期：{seen.zh}", f"as expected: {seen.en}"))
    message = Text(f"预期{wanted.zh}，实际{seen.zh}", f"expected {wanted.en}, but {seen.en}")
    return CaseResult(case.name, ok, message)


def _case(content: Agreement, expected: Expectation) -> Case:
    given, when = expected.given, expected.when
    attested = tuple(_evidence(item) for item in given.evidence)
    names = [clause.name for clause in content.clauses]
    return Case(
        name=expected.name,
        balance_minor=minor_units(given.balance),
        approvals=len(given.approvals) if isinstance(given.approvals, tuple) else given.approvals,
        evidence=tuple(each.kind for each in attested),
        at_seconds=None if given.at is None else unix_seconds(given.at),
        paid_in_window_minor=minor_units(given.already_paid_in_window),
        payee=expected.payee,
        fund=expected.fund,
        amount_minor=minor_units(when.amount),
        expect=_expect(content, expected.then),
        approvers=given.approvals if isinstance(given.approvals, tuple) else (),
        approved_seconds_ago=_seconds(given.approved_ago),
        attested=attested,
        paid_minor=minor_units(given.already_paid),
        paid_to_payee_minor=minor_units(given.already_paid_to_payee),
        waived=tuple(names.index(name) for name in given.waived if name in names),
        blocked=given.blocked,
        countersigned=given.countersigned,
        document=_document(expected),
        states={name: STATES[state] for name, state in given.states.items()},
        balances={name: minor_units(amount) for name, amount in given.balances.items()},
        dye_class=when.dye_class if isinstance(when, PayRequest) else None,
    )


def _seconds(duration: str | None) -> int:
    return 0 if duration is None else duration_seconds(duration)


def _evidence(item: str | Attested) -> GivenEvidence:
    if isinstance(item, str):
        return GivenEvidence(item)
    return GivenEvidence(item.evidence, _seconds(item.observed_ago), item.institutions)


def _document(expected: Expectation) -> GivenDocument | None:
    document = expected.given.document
    if document is None:
        return None
    payee = expected.payee if document.payee is None else document.payee
    return GivenDocument(document.kind, minor_units(document.left), None if payee == UNKNOWN_PAYEE else payee)


def _expect(content: Agreement, then: str | Refused) -> Paid | RefusedBy:
    if isinstance(then, str):
        return Paid()
    names = [clause.name for clause in content.clauses]
    return RefusedBy(names.index(then.refused_by), then.refused_by, then.code)


def _wanted(expect: Paid | RefusedBy) -> Text:
    if isinstance(expect, Paid):
        return Text("付款", "payment")
    return Text(
        f"由条款“{expect.name}”（clause {expect.clause}）以 {expect.code} 拒绝",
        f"a refusal by “{expect.name}” (clause {expect.clause}) with {expect.code}",
    )


def _seen(outcome: Paid | Refusal) -> Text:
    if isinstance(outcome, Paid):
        return Text("已付款", "it was paid")
    return Text(f"被拒绝（{outcome.reason}）", f"it was refused ({outcome.reason})")
