"""Payees of agreements: blocking one at once, and the documents that say what one may be paid for."""

from collections.abc import Sequence

from web3 import Web3

from bridge.chain import Call
from bridge.errors import NotFound
from bridge.money import minor_from_decimal_text
from bridge.platform import Platform
from bridge.services.acts import Act, only
from bridge.services.agreements import find
from bridge.services.institutions import institution_id
from bridge.store import directory, payments, projections
from bridge.store.models import AgreementFileModel, RosterModel
from contracts.ids import keyed_reference, name_id

__all__ = ["block", "document_id", "documents", "registration"]


def block(platform: Platform, agreement: str, payee: str, blocked: bool, nonce: int | None = None) -> Act:
    """Block a payee, named by account number, at once by one supervisor of the quorum that the terms name, or
    let the payee in again by the quorum.

    `nonce`: that of the block when it was signed; None for the next one. Raises NotFound.
    """
    held, row = _payee(platform, agreement, payee)
    address = Web3.to_checksum_address(held.address or "")
    if nonce is None:
        nonce = platform.chain.read("Disbursement", "block_nonce", at=address)

    def build(signatures: Sequence[bytes]) -> Call:
        given = (row.index, blocked, list(signatures))
        return platform.chain.call("Disbursement", "set_blocked", *given, at=address)

    message = platform.chain.message("Block", address, payee=row.index, blocked=blocked, nonce=nonce)
    return Act(message, build)


def registration(
    platform: Platform, agreement: str, kind: str, number: str, holder: str, payee: str, amount: str
) -> Act:
    """Register a document that batches can pay, once in the network; a witness that the terms name signs.

    `number`: the issuer's own; `holder`: the institution it belongs to; `payee`: account number of whom it
    pays; `amount`: decimal text. Raises NotFound, MoneyRefused.
    """
    held, row = _payee(platform, agreement, payee)
    address = Web3.to_checksum_address(held.address or "")
    document = document_id(platform, kind, number, payee)
    amount_minor = minor_from_decimal_text(amount, held.currency)
    owner = institution_id(platform, holder)

    def build(signatures: Sequence[bytes]) -> Call:
        given = (document, name_id(kind), owner, row.index, amount_minor, only(signatures))
        return platform.chain.call("Disbursement", "register_document", *given, at=address)

    message = platform.chain.message(
        "Document",
        address,
        document=document,
        kind=name_id(kind),
        holder=owner,
        payee=row.index,
        amount=amount_minor,
    )
    return Act(message, build, lambda session: directory.put_names(session, [kind]))


def document_id(platform: Platform, kind: str, number: str, payee: str) -> bytes:
    """The id of a document: keyed, so that nobody can try invoice numbers against the chain."""
    return keyed_reference(platform.applier.reference_key, "document", kind, payee, number)


def documents(platform: Platform) -> list[dict[str, object]]:
    """Registered documents, and what is spoken for of each, minor units."""
    with platform.database.read() as session:
        known = directory.names(session)
        return [
            {
                "document": row.document.hex(),
                "agreement": row.agreement,
                "kind": known.get(row.kind, row.kind.hex()),
                "holder": known.get(row.holder, row.holder.hex()),
                "payee": row.payee,
                "amount_minor": row.amount_minor,
                "used_minor": row.used_minor,
            }
            for row in projections.registered_documents(session)
        ]


def _payee(platform: Platform, agreement: str, payee: str) -> tuple[AgreementFileModel, RosterModel]:
    with platform.database.read() as session:
        held = find(session, agreement)
        row = next((each for each in payments.roster(session, held.id) if each.account == payee), None)
        if row is None:
            raise NotFound("payee-unknown", f"{held.id} has no payee with this account; check the number.")
        return held, row
