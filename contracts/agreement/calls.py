"""How acts of agreements are called: what the contract takes, what is signed, and by whom.

One table serves the trials of a file, which may name the acts of `acts.ACTS`, and agreements in force.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from contracts.agreement.guards import institution_of
from contracts.agreement.model import Agreement
from contracts.agreement.sections import Escrow
from contracts.ids import name_id
from contracts.terms import Role
from contracts.typed_data import Value

__all__ = ["CALLS", "ActCall", "Signer", "decider", "function_name", "institution_id", "signers_of"]

OF_MILESTONE = "milestone"
"""The witness whom an escrow's milestone names."""


@dataclass(frozen=True)
class Signer:
    """Who signs: `by` is a role of the file, or the field of the message that names the institution."""

    by: str
    role: Role = Role.OPERATOR
    is_optional: bool = False
    """Whether the file may leave the role out; the call then takes an empty signature."""


@dataclass(frozen=True)
class ActCall:
    """One function: `arguments` are fields of the message, in the order of the call; the signatures follow.

    `kind`: of the message, as in `MESSAGE_FIELDS`; None where nobody signs, and anyone may call.
    """

    arguments: tuple[str, ...] = ()
    kind: str | None = None
    signers: tuple[Signer, ...] = ()


def _signed(kind: str, arguments: str, *signers: str | Signer) -> ActCall:
    by = tuple(signer if isinstance(signer, Signer) else Signer(signer) for signer in signers)
    return ActCall(tuple(arguments.split()), kind, by)


def _witness(by: str = "witness", is_optional: bool = False) -> Signer:
    return Signer(by, Role.WITNESS, is_optional)


CALLS: dict[str, dict[str, ActCall]] = {
    "allocation": {"clear": ActCall()},
    "escrow": {
        "release": _signed("MilestoneRelease", "milestone amount deadline", "payer"),
        "refund": _signed("Refund", "amount deadline", "payee"),
        "renounce": _signed("Renunciation", "deadline", "payee"),
        "dispute": _signed("Dispute", "party deadline", "party"),
        "settle": _signed("Compromise", "toPayee toPayer deadline", "payer", "payee"),
        "rule": _signed("Ruling", "toPayee toPayer deadline", Signer("arbiter", Role.SUPERVISOR)),
        "attest": _signed("MilestoneEvidence", "milestone content observedAt", _witness(OF_MILESTONE)),
        "release-attested": ActCall(("milestone",)),
        "close": ActCall(),
    },
    "guarantee": {
        "issue": _signed("Issue", "deadline", "guarantor"),
        "claim": _signed("Claim", "amount content deadline", "beneficiary"),
        "attest": _signed("ClaimEvidence", "claim observedAt", _witness()),
        "pay-claim": ActCall(("claim",)),
        "release": _signed("Discharge", "deadline", "beneficiary"),
        "expire": ActCall(),
    },
    "split": {
        "clear": ActCall(),
        "refund": _signed("SplitRefund", "receipt amount reference deadline", "payer"),
    },
    "delivery-versus-payment": {
        "deliver": _signed("Delivery", "document deadline", "seller", _witness()),
        "cancel": _signed("Rescission", "deadline", "buyer", "seller"),
        "settle": ActCall(),
        "close": ActCall(),
        "sweep": ActCall(),
    },
    "receivable": {
        "register": _signed("Debt", "deadline", "creditor", "debtor", _witness(is_optional=True)),
        "assign": _signed("Assignment", "holder to account amount reference deadline", "holder", "to"),
        "finance": _signed("Financing", "holder amount price reference deadline", "holder", "financier"),
        "repay-on": _signed("RepaymentAccount", "holder account reference deadline", "holder"),
        "repay": _signed("Repayment", "amount reference deadline", "debtor"),
        "collect": ActCall(),
        "close": ActCall(),
    },
}
"""Template -> act -> its call. Acts are named as the templates name their functions."""


def function_name(act: str) -> str:
    """The contract's function for an act."""
    return act.replace("-", "_")


def signers_of(content: Agreement, call: ActCall) -> tuple[Signer | None, ...]:
    """Who signs, in the order of the call; None in the place of a role that the file leaves out."""
    return tuple(
        None if signer.is_optional and signer.by not in content.parties else signer for signer in call.signers
    )


_OF_FIELDS = {OF_MILESTONE: "milestone's institution", "party": "party", "holder": "holder", "to": "taker"}
_A_ROLE = {Role.OPERATOR: "an operator", Role.SUPERVISOR: "a supervisor", Role.WITNESS: "a witness"}


def decider(signer: Signer) -> str:
    """Whose signature it takes, in words: `an operator of the payer`."""
    return f"{_A_ROLE[signer.role]} of the {_OF_FIELDS.get(signer.by, signer.by)}"


def institution_id(content: Agreement, signer: Signer, values: Mapping[str, Value]) -> bytes:
    """The id of the institution that signs a message of these values."""
    section = content.section
    if signer.by == OF_MILESTONE and isinstance(section, Escrow):
        witness = section.milestones[int(values["milestone"])].by or ""
        return name_id(institution_of(content, witness))
    named = values.get(signer.by)
    return named if isinstance(named, bytes) else name_id(institution_of(content, signer.by))
