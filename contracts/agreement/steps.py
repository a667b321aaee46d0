"""Acts of a course of events as calls of the agreement: what is called, and whose signatures it takes.

A runner replaces every `Consent` among the arguments by that institution's signature of the message. What an
act refers to (nonces, the last claim, the last receipt) follows from the acts before it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from eth_hash.auto import keccak

from contracts.agreement.calls import CALLS, function_name, institution_id, signers_of
from contracts.agreement.courses import Done
from contracts.agreement.guards import institution_of
from contracts.agreement.model import Agreement
from contracts.agreement.sections import Delivery, Escrow, Guarantee, Receivable
from contracts.agreement.values import minor_units, unix_seconds
from contracts.ids import name_id
from contracts.terms import Role
from contracts.typed_data import MESSAGE_FIELDS, Value

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


def step(content: Agreement, before: Sequence[Done], act: Done, now: int) -> Step:
    """The call that does an act after those before it, signed at a moment (unix seconds).

    Raises KeyError for an act the template does not have; a file that compiles has none.
    """
    scene = _Scene(content, before, act, now)
    call = CALLS[content.template_name][act.act]
    makes = _VALUES.get((content.template_name, act.act))
    values = {"deadline": scene.deadline} | ({} if makes is None else makes(scene))
    said = {name: values[name] for name, _ in MESSAGE_FIELDS[call.kind]} if call.kind else {}
    signed = (
        Consent(institution_id(content, signer, values), signer.role, call.kind or "", said)
        if signer
        else b""
        for signer in signers_of(content, call)
    )
    return Step(function_name(act.act), (*(values[name] for name in call.arguments), *signed))


# What the message of each act says; its deadline is the scene's.


def _escrow(scene: _Scene) -> Escrow:
    if not isinstance(scene.content.section, Escrow):
        raise ValueError("not an escrow")
    return scene.content.section


def _payer_nonce(scene: _Scene) -> int:
    return scene.times("release", "settle") + scene.times("dispute", by="payer")


def _payee_nonce(scene: _Scene) -> int:
    return scene.times("refund", "renounce", "settle") + scene.times("dispute", by="payee")


def _escrow_release(scene: _Scene) -> Values:
    number = scene.act.milestone or 0
    amount = scene.act.amount_minor or minor_units(_escrow(scene).milestones[number].amount)
    return {"milestone": number, "amount": amount, "nonce": _payer_nonce(scene)}


def _escrow_refund(scene: _Scene) -> Values:
    return {"amount": scene.amount, "nonce": _payee_nonce(scene)}


def _escrow_renounce(scene: _Scene) -> Values:
    return {"nonce": _payee_nonce(scene)}


def _escrow_dispute(scene: _Scene) -> Values:
    role = scene.act.by or "payer"
    nonce = _payer_nonce(scene) if role == "payer" else _payee_nonce(scene)
    return {"party": scene.party(role), "nonce": nonce}


def _escrow_settle(scene: _Scene) -> Values:
    return {
        "toPayee": scene.amount,
        "toPayer": 0,
        "payerNonce": _payer_nonce(scene),
        "payeeNonce": _payee_nonce(scene),
    }


def _escrow_rule(scene: _Scene) -> Values:
    return {"toPayee": scene.amount, "toPayer": 0, "nonce": scene.times("rule")}


def _escrow_attest(scene: _Scene) -> Values:
    number = scene.act.milestone or 0
    milestone = _escrow(scene).milestones[number]
    return {
        "milestone": number,
        "kind": name_id(milestone.evidence or ""),
        "content": scene.reference(),
        "observedAt": min(scene.now, unix_seconds(milestone.due)),
    }


def _escrow_release_attested(scene: _Scene) -> Values:
    return {"milestone": scene.act.milestone or 0}


def _guarantee(scene: _Scene) -> Guarantee:
    if not isinstance(scene.content.section, Guarantee):
        raise ValueError("not a guarantee")
    return scene.content.section


def _guarantee_issue(scene: _Scene) -> Values:
    guarantee = _guarantee(scene)
    return {
        "document": bytes.fromhex(guarantee.document[2:]),
        "amount": minor_units(guarantee.amount),
        "expiresAt": unix_seconds(guarantee.expires),
    }


def _beneficiary_nonce(scene: _Scene) -> int:
    return scene.times("claim", "release")


def _guarantee_claim(scene: _Scene) -> Values:
    content = _claim_content(scene.times("claim"))
    return {"amount": scene.amount, "content": content, "nonce": _beneficiary_nonce(scene)}


def _claim_content(number: int) -> bytes:
    return keccak(b"claim %d" % number)


def _last_claim(scene: _Scene) -> int:
    return max(scene.times("claim") - 1, 0)


def _guarantee_attest(scene: _Scene) -> Values:
    number = _last_claim(scene)
    claims = [done.amount_minor or 0 for done in scene.before if done.act == "claim"]
    return {
        "claim": number,
        "kind": name_id(_guarantee(scene).evidence),
        "amount": claims[-1] if claims else 0,
        "content": _claim_content(number),
        "observedAt": scene.now,
    }


def _guarantee_pay_claim(scene: _Scene) -> Values:
    return {"claim": _last_claim(scene)}


def _guarantee_release(scene: _Scene) -> Values:
    return {"nonce": _beneficiary_nonce(scene)}


def _split_refund(scene: _Scene) -> Values:
    return {"receipt": scene.times("clear"), "amount": scene.amount, "reference": scene.reference()}


def _delivery_document(scene: _Scene) -> bytes:
    return keccak(b"document of " + scene.content.agreement.encode())


def _delivery_deliver(scene: _Scene) -> Values:
    section = scene.content.section
    if not isinstance(section, Delivery):
        raise ValueError("not a delivery versus payment")
    return {"document": _delivery_document(scene), "kind": name_id(section.document)}


def _delivery_cancel(scene: _Scene) -> Values:
    return {"document": _delivery_document(scene) if scene.times("deliver") else bytes(32)}


def _receivable_register(scene: _Scene) -> Values:
    section = scene.content.section
    if not isinstance(section, Receivable):
        raise ValueError("not a receivable")
    return {
        "document": bytes.fromhex(section.document[2:]),
        "amount": minor_units(section.face),
        "dueAt": unix_seconds(section.due),
    }


def _receivable_assign(scene: _Scene) -> Values:
    return {
        "holder": scene.party(scene.act.by or ""),
        "to": scene.party(scene.act.to or ""),
        "account": name_id(scene.act.account or ""),
        "amount": scene.amount,
        "reference": scene.reference(),
    }


def _receivable_repay_on(scene: _Scene) -> Values:
    return {
        "holder": scene.party(scene.act.by or ""),
        "account": name_id(scene.act.account or ""),
        "reference": scene.reference(),
    }


def _receivable_finance(scene: _Scene) -> Values:
    return {
        "holder": scene.party("creditor"),
        "amount": scene.amount,
        "price": scene.act.price_minor or 0,
        "reference": scene.reference(),
    }


def _receivable_repay(scene: _Scene) -> Values:
    return {"amount": scene.amount, "reference": scene.reference()}


_VALUES: dict[tuple[str, str], Callable[[_Scene], Values]] = {
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
    ("receivable", "assign"): _receivable_assign,
    ("receivable", "finance"): _receivable_finance,
    ("receivable", "repay-on"): _receivable_repay_on,
    ("receivable", "repay"): _receivable_repay,
}
