"""Acts of agreements in force: what their parties sign, or anyone may do; and how they stand."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from eth_utils.crypto import keccak
from sqlalchemy.orm import Session
from web3 import Web3

from bridge.chain import Call, Chain
from bridge.errors import Conflict, Invalid, NotFound
from bridge.money import decimal_text, minor_from_decimal_text
from bridge.platform import Mined, Platform
from bridge.services.acts import Act
from bridge.services.agreements import find
from bridge.services.documents import Shown, shown
from bridge.services.institutions import institution_id
from bridge.services.payees import document_id
from bridge.store import directory, projections
from bridge.store.models import AgreementFileModel
from contracts.agreement import load
from contracts.agreement.calls import CALLS, ActCall, Signer, decider, function_name, signers_of
from contracts.agreement.calls import institution_id as signing_institution
from contracts.agreement.guards import STATES
from contracts.agreement.model import Agreement
from contracts.agreement.sections import Delivery, Escrow
from contracts.artifacts import TEMPLATES
from contracts.ids import account_line, name_id
from contracts.typed_data import MESSAGE_FIELDS, TypedMessage, Value

__all__ = ["Told", "by_anyone", "by_parties", "filled_in", "status"]

SIGNING_SECONDS = 24 * 3_600
"""How long signatures may be handed in where nobody says."""
RECEIPTS_SHOWN = 20


@dataclass(frozen=True)
class Told:
    """What whoever acts says of the act; what it does not take must be left out.

    Amounts are decimal text in the agreement's currency; `milestone` its name in the file; `by` the role of
    the file that disputes; `holder`, `to` institutions; `account` where the holder is paid; `document` the
    evidence itself, of which only a salted commitment goes on chain; `number` the issuer's own of a document
    that counts once in the network; `deadline` and `observed_at` chain time, seconds. What prepare filled in,
    nonces among it, is left out only then.
    """

    milestone: str | None = None
    amount: str | None = None
    to_payee: str | None = None
    to_payer: str | None = None
    price: str | None = None
    by: str | None = None
    holder: str | None = None
    to: str | None = None
    account: str | None = None
    claim: int | None = None
    receipt: int | None = None
    reference: str | None = None
    number: str | None = None
    document: bytes | None = None
    observed_at: int | None = None
    deadline: int | None = None
    nonce: int | None = None
    payer_nonce: int | None = None
    payee_nonce: int | None = None


TOLD_AS = {
    "toPayee": "to_payee",
    "toPayer": "to_payer",
    "party": "by",
    "observedAt": "observed_at",
    "content": "document",
    "document": "number",
    "payerNonce": "payer_nonce",
    "payeeNonce": "payee_nonce",
}
"""Fields of messages that are told under another name."""
NONCES = {"nonce": None, "payerNonce": "payer", "payeeNonce": "payee"}
"""Fields that the chain counts, and whose they are; None for who signs."""
FILLED_IN = ("deadline", "observedAt", *NONCES)
"""Fields that prepare fills in; what is handed in says them, as they were signed."""
READ: dict[str, dict[str, str]] = {
    "Issue": {"document": "DOCUMENT", "amount": "AMOUNT", "expiresAt": "EXPIRES_AT"},
    "ClaimEvidence": {"kind": "EVIDENCE_KIND"},
    "Delivery": {"kind": "KIND"},
    "Rescission": {"document": "document"},
    "Debt": {"document": "DOCUMENT", "amount": "FACE", "dueAt": "DUE_AT"},
}
"""Fields that nobody tells because the contract knows them: message -> field -> view."""


class _Agreement:
    """A deployed agreement of a template that has acts."""

    def __init__(self, platform: Platform, name: str) -> None:
        self.platform = platform
        with platform.database.read() as session:
            self.held: AgreementFileModel = find(session, name)
        self.content: Agreement = load(self.held.content).content
        self.address = Web3.to_checksum_address(self.held.address or "")
        self.contract = TEMPLATES[self.content.template_name]
        self.calls = CALLS.get(self.content.template_name, {})
        self.block: int | str = "latest"
        """Which block its views are asked at."""

    @property
    def chain(self) -> Chain:
        return self.platform.chain

    @property
    def is_active(self) -> bool:
        """Whether the quorum lets it draw on its accounts."""
        with self.platform.database.read() as session:
            return projections.agreement(session, self.address).active

    def call_of(self, act: str) -> ActCall:
        """Raises NotFound for an act it does not have, Conflict while nothing can be done with it."""
        if act not in self.calls:
            known = ", ".join(self.calls) or "none"
            raise NotFound(
                "act-unknown",
                f"{self.held.id} has no act {act!r}; the template {self.content.template_name} has: {known}.",
            )
        if not self.is_active:
            raise Conflict(
                "agreement-inactive",
                f"{self.held.id} is not active; the quorum activates it first, or has retired it.",
            )
        return self.calls[act]

    def read(self, view: str, *arguments: object) -> Any:
        """What a view of the agreement says."""
        return self.chain.read(self.contract, view, *arguments, at=self.address, block=self.block)

    def minor(self, amount: str) -> int:
        return minor_from_decimal_text(amount, self.held.currency)

    def text(self, amount_minor: int) -> str:
        return decimal_text(amount_minor, self.held.currency)


def by_anyone(platform: Platform, name: str, act: str, told: Told) -> Mined:
    """Do what takes no signature. Asked again while it is on its way, it waits for the same.

    Raises NotFound, Conflict, Invalid, ChainRefused with nothing written.
    """
    agreement = _Agreement(platform, name)
    call = agreement.call_of(act)
    if call.kind is not None:
        deciders = " and ".join(decider(each) for each in signers_of(agreement.content, call) if each)
        raise Invalid("signature-missing", f"{act} is decided by {deciders}; have it signed.")
    values = _told_values(agreement, act, call.arguments, told)
    arguments = [values[field] for field in call.arguments]
    made = agreement.chain.call(agreement.contract, function_name(act), *arguments, at=agreement.address)
    # What arrives later is divided or given back by the same call, which then is another act.
    line = account_line(name_id(agreement.held.account), name_id(agreement.held.dye_class))
    filled, emptied = agreement.chain.read("Ledger", "line", line)
    unique = keccak(bytes.fromhex(made.to[2:]) + made.data).hex()
    return platform.perform(f"act:{act}:{unique}:{filled}:{emptied}", made)


def by_parties(platform: Platform, name: str, act: str, told: Told, is_signed: bool = False) -> Act:
    """An act that parties sign, each once, under one message.

    `is_signed`: it is handed in, so that nothing of it may be filled in any more. Raises NotFound, Conflict,
    Invalid, MoneyRefused.
    """
    agreement = _Agreement(platform, name)
    call = agreement.call_of(act)
    if call.kind is None:
        raise Invalid("signature-not-taken", f"Anyone may {act}; hand it in without a signature.")
    values = _told_values(agreement, act, call.arguments, told, _nonces(call.kind), is_signed)
    message = _message(agreement, call, call.kind, values)
    parties = [
        None if signer is None else (signer, signing_institution(agreement.content, signer, message.values))
        for signer in signers_of(agreement.content, call)
    ]

    def build(signatures: Sequence[bytes]) -> Call:
        given = _in_order(agreement, act, message, parties, signatures)
        arguments = [message.values[field] for field in call.arguments]
        function = function_name(act)
        return agreement.chain.call(agreement.contract, function, *arguments, *given, at=agreement.address)

    def on_queue(session: Session) -> None:
        if told.document is not None:
            _shown(agreement, told.document).keep(session, f"act:{act}")

    return Act(message, build, on_queue)


def filled_in(message: TypedMessage) -> dict[str, Value]:
    """What of an act may be left out, as the message has it: what `Told` then says is what was signed."""
    return {TOLD_AS.get(field, field): value for field, value in message.values.items() if field in FILLED_IN}


# What is told


def _nonces(kind: str) -> tuple[str, ...]:
    return tuple(field for field, _ in MESSAGE_FIELDS[kind] if field in NONCES)


def _told_values(
    agreement: _Agreement,
    act: str,
    taken: Sequence[str],
    told: Told,
    nonces: Sequence[str] = (),
    is_signed: bool = False,
) -> dict[str, Value]:
    """Fields of the message as they were told. Raises Invalid for what is missing, or not taken."""
    expected = {TOLD_AS.get(field, field): field for field in (*taken, *nonces)}
    given = {each.name: value for each in fields(told) if (value := getattr(told, each.name)) is not None}
    surplus = next((name for name in given if name not in expected), None)
    if surplus is not None:
        takes = ", ".join(TOLD_AS.get(field, field) for field in taken) or "nothing"
        raise Invalid("field-unexpected", f"{act} takes no {surplus}; it takes: {takes}.")
    values: dict[str, Value] = {}
    for name, field in expected.items():
        if name in given:
            values[field] = _READERS.get(field, _as_told)(agreement, given[name])
        elif field not in FILLED_IN:
            raise Invalid("field-missing", f"{act} needs {name}; say it.")
        elif is_signed:
            raise Invalid(
                "field-missing", f"Say the {name} that was signed: hand in what prepare gave, whole."
            )
        elif field in ("deadline", "observedAt"):
            now = agreement.chain.now()
            values[field] = now + SIGNING_SECONDS if field == "deadline" else now
    return values


def _as_told(_: _Agreement, given: Value) -> Value:
    return given


def _amount(agreement: _Agreement, given: Value) -> Value:
    return agreement.minor(str(given))


def _milestone_names(agreement: _Agreement) -> list[str]:
    if not isinstance(agreement.content.section, Escrow):
        raise TypeError(f"{agreement.held.id} is no escrow")
    return [each.name for each in agreement.content.section.milestones]


def _milestone(agreement: _Agreement, given: Value) -> Value:
    names = _milestone_names(agreement)
    if given not in names:
        raise NotFound(
            "milestone-unknown", f"There is no milestone {given!r}; there are: {', '.join(names)}."
        )
    return names.index(str(given))


def _party(agreement: _Agreement, given: Value) -> Value:
    if given not in ("payer", "payee"):
        raise Invalid("party-unknown", f"{given!r} is not a party of the escrow; say payer or payee.")
    return name_id(agreement.content.institutions_of(str(given))[0])


def _institution(agreement: _Agreement, given: Value) -> Value:
    return institution_id(agreement.platform, str(given))


def _number(agreement: _Agreement, given: Value) -> Value:
    """The id of a document that counts once in the whole network, whichever agreement it is delivered in."""
    section = agreement.content.section
    if not isinstance(section, Delivery):
        raise TypeError(f"{agreement.held.id} delivers nothing")
    (seller,) = agreement.content.institutions_of("seller")
    return document_id(agreement.platform, section.document, str(given), seller)


def _document(agreement: _Agreement, given: Value) -> Value:
    if not isinstance(given, bytes) or not given:
        raise Invalid("document-empty", "The document is empty; send what was seen.")
    return _shown(agreement, given).commitment


def _shown(agreement: _Agreement, document: bytes) -> Shown:
    return shown(agreement.platform, bytes.fromhex(agreement.address[2:]).rjust(32, b"\0"), document)


_READERS: Mapping[str, Callable[[_Agreement, Value], Value]] = {
    "amount": _amount,
    "toPayee": _amount,
    "toPayer": _amount,
    "price": _amount,
    "milestone": _milestone,
    "party": _party,
    "holder": _institution,
    "to": _institution,
    "account": lambda _, given: name_id(str(given)),
    "reference": lambda _, given: keccak(str(given).encode()),
    "document": _number,
    "content": _document,
}


# What is signed


def _message(agreement: _Agreement, call: ActCall, kind: str, told: Mapping[str, Value]) -> TypedMessage:
    """The message, with what the contract knows of it."""
    values = dict(told)
    for field, view in READ.get(kind, {}).items():
        values[field] = agreement.read(view)
    if kind == "MilestoneEvidence":
        terms = agreement.read("milestones")[values["milestone"]]
        values["kind"] = terms.kind
        if not any(terms.kind):
            raise Invalid(
                "milestone-without-evidence", "This milestone takes no evidence; the payer releases it."
            )
    if kind == "ClaimEvidence":
        number, claims = int(values["claim"]), agreement.read("claims")
        if number >= len(claims):
            raise NotFound("claim-unknown", f"There is no claim {number}; the agreement's status lists them.")
        values |= {"amount": claims[number].amount, "content": claims[number].content}
    for field, role in NONCES.items():
        if field in _nonces(kind) and field not in values:
            signer = call.signers[0] if role is None else Signer(role)
            institution = signing_institution(agreement.content, signer, values)
            values[field] = agreement.read("next_nonce", institution)
    return agreement.chain.message(
        kind, agreement.address, **{field: values[field] for field, _ in MESSAGE_FIELDS[kind]}
    )


def _in_order(
    agreement: _Agreement,
    act: str,
    message: TypedMessage,
    parties: Sequence[tuple[Signer, bytes] | None],
    signatures: Sequence[bytes],
) -> list[bytes]:
    """Each party's signature in its place of the call. Raises Invalid for one missing, or too many."""
    by_institution = {_institution_of(agreement, message, each): each for each in signatures}
    placed = []
    for party in parties:
        if party is None:
            placed.append(b"")
        elif party[1] in by_institution:
            placed.append(by_institution[party[1]])
        else:
            name = _names(agreement).get(party[1], party[1].hex())
            raise Invalid(
                "signature-of-party-missing",
                f"{act} takes the signature of {decider(party[0])}, {name}; have one sign it.",
            )
    if len(signatures) > sum(party is not None for party in parties):
        raise Invalid(
            "signature-unexpected", f"Somebody signed who does not decide {act}; hand in the parties' only."
        )
    return placed


def _institution_of(agreement: _Agreement, message: TypedMessage, signature: bytes) -> bytes:
    """Whose signer signed. Raises Invalid for nobody's: what was signed was most likely another message."""
    found = bytes(agreement.chain.read("Directory", "signer", message.signer(signature)).institution)
    if not any(found):
        raise Invalid(
            "signature-of-nobody",
            "A signature is not over this act, or by nobody the directory knows; hand in what prepare gave, "
            "whole.",
        )
    return found


def _names(agreement: _Agreement) -> dict[bytes, str]:
    with agreement.platform.database.read() as session:
        return directory.names(session)


# How it stands


def status(platform: Platform, name: str) -> dict[str, object]:
    """How an agreement stands on chain: its state, what rests, what became of its parts, and its acts.

    Raises NotFound, ChainUnreachable.
    """
    agreement = _Agreement(platform, name)
    agreement.block = platform.chain.head()
    held = agreement.held
    states = {number: state for state, number in STATES.items()}
    line = name_id(held.account), name_id(held.dye_class)
    resting = agreement.chain.read("Ledger", "account_balance", *line, block=agreement.block)
    parts = _PARTS.get(agreement.content.template_name)
    return {
        "agreement": held.id,
        "active": agreement.is_active,
        "state": states[agreement.read("state")],
        "resting": agreement.text(resting),
        "currency": held.currency,
        **({} if parts is None else parts(agreement)),
        "acts": [
            {
                "act": act,
                "takes": [TOLD_AS.get(field, field) for field in call.arguments if field not in FILLED_IN],
                "signed_by": [
                    _decider_named(agreement, signer)
                    for signer in signers_of(agreement.content, call)
                    if signer
                ],
            }
            for act, call in agreement.calls.items()
        ],
    }


def _decider_named(agreement: _Agreement, signer: Signer) -> str:
    """Whose signature it takes, with the institution where the file names one."""
    named = agreement.content.institutions_of(signer.by) if signer.by in agreement.content.parties else ()
    return ", ".join((decider(signer), *named))


def _of_escrow(agreement: _Agreement) -> dict[str, object]:
    milestones = []
    for number, terms in enumerate(agreement.read("milestones")):
        progress = agreement.read("progress", number)
        milestones.append(
            {
                "milestone": _milestone_names(agreement)[number],
                "amount": agreement.text(terms.amount),
                "released": agreement.text(progress.released),
                "due": terms.due_at,
                "attested": agreement.read("is_proven", number) if any(terms.kind) else None,
            }
        )
    return {"ends_at": agreement.read("ends_at"), "milestones": milestones}


def _of_guarantee(agreement: _Agreement) -> dict[str, object]:
    worth = agreement.read("verify")
    return {
        "amount": agreement.text(worth.amount),
        "paid": agreement.text(worth.paid),
        "remaining": agreement.text(worth.remaining),
        "expires_at": worth.expires_at,
        "claims": [
            {
                "claim": number,
                "amount": agreement.text(claim.amount),
                "paid": agreement.text(claim.paid),
                "attested": claim.attested,
                "lapses_at": claim.lapses_at,
            }
            for number, claim in enumerate(agreement.read("claims"))
        ],
    }


def _of_split(agreement: _Agreement) -> dict[str, object]:
    last = agreement.read("receipts")
    shown = range(max(last - RECEIPTS_SHOWN, 0) + 1, last + 1)
    held = [(number, agreement.read("receipt", number)) for number in shown]
    return {
        "receipts": last,
        "latest": [
            {
                "receipt": number,
                "total": agreement.text(receipt.total),
                "refunded": agreement.text(receipt.refunded),
            }
            for number, receipt in held
        ],
    }


def _of_delivery(agreement: _Agreement) -> dict[str, object]:
    document = agreement.read("document")
    return {"document": document.hex() if any(document) else None, "deadline": agreement.read("DEADLINE")}


def _of_receivable(agreement: _Agreement) -> dict[str, object]:
    known = _names(agreement)
    return {
        "owed": agreement.text(agreement.read("owed")),
        "repaid": agreement.text(agreement.read("repaid")),
        "due_at": agreement.read("DUE_AT"),
        "holders": [
            {
                "holder": known.get(held.institution, held.institution.hex()),
                "account": known.get(held.account, held.account.hex()),
                "owed": agreement.text(held.amount),
            }
            for held in agreement.read("holdings")
        ],
    }


_PARTS: dict[str, Callable[[_Agreement], dict[str, object]]] = {
    "escrow": _of_escrow,
    "guarantee": _of_guarantee,
    "split": _of_split,
    "delivery-versus-payment": _of_delivery,
    "receivable": _of_receivable,
}
