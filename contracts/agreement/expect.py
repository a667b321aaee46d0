"""Expected results as plain data: what a simulation sets up, asks for, and must see."""

from dataclasses import dataclass

from contracts.agreement._check_expected import clause_reference_faults
from contracts.agreement.model import Agreement, AgreementFile, Expectation, Refused
from contracts.agreement.texts import Text
from contracts.agreement.values import minor_units, unix_seconds
from contracts.errors import AgreementInvalid
from contracts.terms import Refusal

__all__ = ["Case", "CaseResult", "Paid", "RefusedBy", "cases", "judge"]


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


@dataclass(frozen=True)
class CaseResult:
    """Whether a case came out as expected, and a sentence that says what happened."""

    case: str
    ok: bool
    message: Text


def cases(file: AgreementFile) -> tuple[Case, ...]:
    """The expected results of a file, in its order.

    Raises AgreementInvalid if one names a clause that does not exist or a code that clause does not give.
    """
    content = file.content
    faults = tuple(clause_reference_faults(content))
    if faults:
        raise AgreementInvalid(faults)
    return tuple(_case(content, expected) for expected in content.expected)


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
    return Case(
        name=expected.name,
        balance_minor=minor_units(given.balance),
        approvals=given.approvals,
        evidence=given.evidence,
        at_seconds=None if given.at is None else unix_seconds(given.at),
        paid_in_window_minor=minor_units(given.already_paid_in_window),
        payee=expected.payee,
        fund=expected.fund,
        amount_minor=minor_units(when.amount),
        expect=_expect(content, expected.then),
    )


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
