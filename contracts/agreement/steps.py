"""Acts of a course of events as calls of the agreement: what is called, and whose signatures it takes.

A runner replaces every `Consent` among the arguments by that institution's signature of the message. What an
act refers to (nonces, the last claim, the last receipt) follows from the acts before it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from eth_hash.auto import keccak

from contracts.agreement.courses import Done
from contracts.agreement.guards import institution_of
from contracts.agreement.model import Agreement
from contracts.agreement.sections import Delivery, Escrow, Guarantee, Receivable
from contracts.agreement.values import minor_units, unix_seconds
from contracts.ids import name_id
from contracts.terms import Role
from contracts.typed_data import Value

__all__ = ["Consent", "Step", "step"]

Values = dict[str, Value]

# How long a signature of a trial may be handed in.
_HOUR_SECONDS = 3_600


@dataclass(frozen=True)
class Consent:
    """A signature to be given: by a signer who holds the role for the institution, over the message."""

    institution: bytes
    role: Role
    kind: str
    values: Values


@dataclass(frozen=True)
class Step:
    """One call of the agreement, its arguments in order."""

    function: str
    arguments: tuple[Value | Consent, ...] = ()


@dataclass(frozen=True)
class _Scene:
    """The file, what was done before, what is done now, and when."""

    content: Agreement
    before: Sequence[Done]
    act: Done
    now: int

    @property
    def deadline(self) -> int:
        return self.now + _HOUR_SECONDS

    @property
    def amount(self) -> int:
        return self.act.amount_minor or 0

    def party(self, role: str) -> bytes:
        return name_id(institution_of(self.content, role))

    def times(self, *acts: str, by: str | None = None) -> int:
        """How often one of these was done before, by a role where it matters."""
        return sum(done.act in acts and (by is None or done.by == by) for done in self.before)

    def reference(self) -> bytes:
        """A reference or commitment that no other act of the course has."""
        return keccak(b"%s %d" % (self.act.act.encode(), len(self.before)))

    def consent(self, role: str, kind: str, values: Values, by: Role = Role.OPERATOR) -> Consent:
        return Consent(self.party(role), by, kind, values)


def step(content: Agreement, before: Sequence[Done], act: Done, now: int) -> Step:
    """The call that does an act after those before it, signed at a moment (unix seconds).

    Raises KeyError for an act the template does not have; a file that compiles has none.
    """
    scene = _Scene(content, before, act, now)
    plain = Step(act.act.replace("-", "_"))
    made = _STEPS.get((content.template_name, act.act))
    return plain if made is None else Step(plain.function, made(scene))


Arguments = tuple[Value | Consent, ...]


def _escrow(scene: _Scene) -> Escrow:
    if not isinstance(scene.content.section, Escrow):
        raise ValueError("not an escrow")
    return scene.content.section


def _payer_nonce(scene: _Scene) -> int:
    return scene.times("release", "settle") + scene.times("dispute", by="payer")


def _payee_nonce(scene: _Scene) -> int:
    return scene.times("refund", "renounce", "settle") + scene.times("dispute", by="payee")


def _escrow_release(scene: _Scene) -> Arguments:
    number = scene.act.milestone or 0
    amount = scene.act.amount_minor or minor_units(_escrow(scene).milestones[number].amount)
    values: Values = {
        "milestone": number,
        "amount": amount,
        "nonce": _payer_nonce(scene),
        "deadline": scene.deadline,
    }
    return number, amount, scene.deadline, scene.consent("payer", "MilestoneRelease", values)


def _escrow_refund(scene: _Scene) -> Arguments:
    values: Values = {"amount": scene.amount, "nonce": _payee_nonce(scene), "deadline": scene.deadline}
    return scene.amount, scene.deadline, scene.consent("payee", "Refund", values)


def _escrow_renounce(scene: _Scene) -> Arguments:
    values: Values = {"nonce": _payee_nonce(scene), "deadline": scene.deadline}
    return scene.deadline, scene.consent("payee", "Renunciation", values)


def _escrow_dispute(scene: _Scene) -> Arguments:
    role = scene.act.by or "payer"
    nonce = _payer_nonce(scene) if role == "payer" else _payee_nonce(scene)
    values: Values = {"party": scene.party(role), "nonce": nonce, "deadline": scene.deadline}
    return scene.party(role), scene.deadline, scene.consent(role, "Dispute", values)


def _escrow_settle(scene: _Scene) -> Arguments:
    values: Values = {"toPayee": scene.amount, "toPayer": 0, "deadline": scene.deadline}
    return (
        scene.amount,
        0,
        scene.deadline,
        scene.consent("payer", "Compromise", {**values, "nonce": _payer_nonce(scene)}),
        scene.consent("payee", "Compromise", {**values, "nonce": _payee_nonce(scene)}),
    )


def _escrow_rule(scene: _Scene) -> Arguments:
    values: Values = {
        "toPayee": scene.amount,
        "toPayer": 0,
        "nonce": scene.times("rule"),
        "deadline": scene.deadline,
    }
    return scene.amount, 0, scene.deadline, scene.consent("arbiter", "Ruling", values, Role.SUPERVISOR)


def _escrow_attest(scene: _Scene) -> Arguments:
    number = scene.act.milestone or 0
    milestone = _escrow(scene).milestones[number]
    content, observed_at = scene.reference(), min(scene.now, unix_seconds(milestone.due))
    values: Values = {
        "milestone": number,
        "kind": name_id(milestone.evidence or ""),
        "content": content,
        "observedAt": observed_at,
    }
    consent = scene.consent(milestone.by or "", "MilestoneEvidence", values, Role.WITNESS)
    return number, content, observed_at, consent


def _escrow_release_attested(scene: _Scene) -> Arguments:
    return (scene.act.milestone or 0,)


def _guarantee(scene: _Scene) -> Guarantee:
    if not isinstance(scene.content.section, Guarantee):
        raise ValueError("not a guarantee")
    return scene.content.section


def _guarantee_issue(scene: _Scene) -> Arguments:
    guarantee = _guarantee(scene)
    values: Values = {
        "document": bytes.fromhex(guarantee.document[2:]),
        "amount": minor_units(guarantee.amount),
        "expiresAt": unix_seconds(guarantee.expires),
        "deadline": scene.deadline,
    }
    return scene.deadline, scene.consent("guarantor", "Issue", values)


def _beneficiary_nonce(scene: _Scene) -> int:
    return scene.times("claim", "release")


def _guarantee_claim(scene: _Scene) -> Arguments:
    content = _claim_content(scene.times("claim"))
    values: Values = {"amount": scene.amount, "content": content, "deadline": scene.deadline}
    consent = scene.consent("beneficiary", "Claim", {**values, "nonce": _beneficiary_nonce(scene)})
    return scene.amount, content, scene.deadline, consent


def _claim_content(number: int) -> bytes:
    return keccak(b"claim %d" % number)


def _last_claim(scene: _Scene) -> int:
    return max(scene.times("claim") - 1, 0)


def _guarantee_attest(scene: _Scene) -> Arguments:
    number = _last_claim(scene)
    claims = [done.amount_minor or 0 for done in scene.before if done.act == "claim"]
    values: Values = {
        "claim": number,
        "kind": name_id(_guarantee(scene).evidence),
        "amount": claims[-1] if claims else 0,
        "content": _claim_content(number),
        "observedAt": scene.now,
    }
    return number, scene.now, scene.consent("witness", "ClaimEvidence", values, Role.WITNESS)


def _guarantee_pay_claim(scene: _Scene) -> Arguments:
    return (_last_claim(scene),)


def _guarantee_release(scene: _Scene) -> Arguments:
    values: Values = {"nonce": _beneficiary_nonce(scene), "deadline": scene.deadline}
    return scene.deadline, scene.consent("beneficiary", "Discharge", values)


def _split_refund(scene: _Scene) -> Arguments:
    receipt, reference = scene.times("clear"), scene.reference()
    values: Values = {
        "receipt": receipt,
        "amount": scene.amount,
        "reference": reference,
        "deadline": scene.deadline,
    }
    return receipt, scene.amount, reference, scene.deadline, scene.consent("payer", "SplitRefund", values)


def _delivery_document(scene: _Scene) -> bytes:
    return keccak(b"document of " + scene.content.agreement.encode())


def _delivery_deliver(scene: _Scene) -> Arguments:
    section = scene.content.section
    if not isinstance(section, Delivery):
        raise ValueError("not a delivery versus payment")
    document = _delivery_document(scene)
    values: Values = {"document": document, "kind": name_id(section.document), "deadline": scene.deadline}
    return (
        document,
        scene.deadline,
        scene.consent("seller", "Delivery", values),
        scene.consent("witness", "Delivery", values, Role.WITNESS),
    )


def _delivery_cancel(scene: _Scene) -> Arguments:
    delivered = scene.times("deliver") > 0
    values: Values = {
        "document": _delivery_document(scene) if delivered else bytes(32),
        "deadline": scene.deadline,
    }
    return (
        scene.deadline,
        scene.consent("buyer", "Rescission", values),
        scene.consent("seller", "Rescission", values),
    )


def _receivable_register(scene: _Scene) -> Arguments:
    section = scene.content.section
    if not isinstance(section, Receivable):
        raise ValueError("not a receivable")
    values: Values = {
        "document": bytes.fromhex(section.document[2:]),
        "amount": minor_units(section.face),
        "dueAt": unix_seconds(section.due),
        "deadline": scene.deadline,
    }
    named = "witness" in scene.content.parties
    return (
        scene.deadline,
        scene.consent("creditor", "Debt", values),
        scene.consent("debtor", "Debt", values),
        scene.consent("witness", "Debt", values, Role.WITNESS) if named else b"",
    )


def _receivable_finance(scene: _Scene) -> Arguments:
    holder, price, reference = scene.party("creditor"), scene.act.price_minor or 0, scene.reference()
    values: Values = {
        "holder": holder,
        "amount": scene.amount,
        "price": price,
        "reference": reference,
        "deadline": scene.deadline,
    }
    return (
        holder,
        scene.amount,
        price,
        reference,
        scene.deadline,
        scene.consent("creditor", "Financing", values),
        scene.consent("financier", "Financing", values),
    )


def _receivable_repay(scene: _Scene) -> Arguments:
    reference = scene.reference()
    values: Values = {"amount": scene.amount, "reference": reference, "deadline": scene.deadline}
    return scene.amount, reference, scene.deadline, scene.consent("debtor", "Repayment", values)


# Acts that take arguments; the others are called as they are.
_STEPS: dict[tuple[str, str], Callable[[_Scene], Arguments]] = {
    ("escrow", "release"): _escrow_release,
    ("escrow", "refund"): _escrow_refund,
    ("escrow", "renounce"): _escrow_renounce,
    ("escrow", "dispute"): _escrow_dispute,
    ("escrow", "settle"): _escrow_settle,
    ("escrow", "rule"): _escrow_rule,
    ("escrow", "attest"): _escrow_attest,
    ("escrow", "release-attested"): _escrow_release_attested,
    ("guarantee", "issue"): _guarantee_issue,
    ("guarantee", "claim"): _guarantee_claim,
    ("guarantee", "attest"): _guarantee_attest,
    ("guarantee", "pay-claim"): _guarantee_pay_claim,
    ("guarantee", "release"): _guarantee_release,
    ("split", "refund"): _split_refund,
    ("delivery-versus-payment", "deliver"): _delivery_deliver,
    ("delivery-versus-payment", "cancel"): _delivery_cancel,
    ("receivable", "register"): _receivable_register,
    ("receivable", "finance"): _receivable_finance,
    ("receivable", "repay"): _receivable_repay,
}
