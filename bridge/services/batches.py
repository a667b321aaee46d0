"""Payout batches: uploaded, reserved, approved, attested, executed, cancelled, shown."""

import json
import secrets
from collections import Counter

from eth_typing import ChecksumAddress
from sqlalchemy.orm import Session
from web3 import Web3

from bridge.batch_file import (
    MAX_FAULTS,
    BatchFile,
    BatchFileRefused,
    PayoutLine,
    RowFault,
    read_batch_file,
)
from bridge.chain import Call
from bridge.errors import Conflict, Invalid, NotFound
from bridge.money import decimal_text, minor_from_decimal_text
from bridge.pay import give_end_to_end_ids
from bridge.platform import Mined, Platform
from bridge.returns import row_tree
from bridge.services.acts import Act, only
from bridge.services.agreements import find
from bridge.services.documents import shown
from bridge.simulation import batch_id
from bridge.store import directory, payments, projections
from bridge.store.chain_models import BatchRow
from bridge.store.models import AgreementFileModel, BatchModel, DocumentModel, PayoutModel
from contracts.ids import commitment, name_id
from contracts.rows import Row, RowTree
from contracts.typed_data import Value

__all__ = [
    "approval",
    "cancellation",
    "countersignature",
    "evidence",
    "execute",
    "payouts",
    "redirection",
    "release",
    "reservation",
    "revocation",
    "show",
    "upload",
]

SALT_BYTES = 16
NO_DOCUMENT = bytes(32)
MAX_DEADLINE_HOURS = 24 * 366
CHUNKS_A_RUN = 64
CLOCKS_DIFFER_SECONDS = 2 * 3600
ID_IN_USE = "Another batch pays under this id already; take the row out, or give a new payment its own id."


def upload(
    platform: Platform,
    agreement: str,
    content: bytes,
    created_by: str,
    control_total: str | None = None,
    control_count: int | None = None,
    deadline_hours: int = 72,
    dye_class: str | None = None,
    document: bytes | None = None,
) -> str:
    """Turn a payout file into a draft batch; returns the draft's id (the root of its rows, hex).

    `dye_class`: whose money it draws, where the terms let it draw another than the agreement's; `document`:
    the registered document it pays, where the terms ask for one.

    The same file for the same agreement gives the same draft, unless nothing of it can be paid any more: it
    was cancelled, or ran out of time. Raises BatchFileRefused with every fault and nothing written.
    """
    if not 1 <= deadline_hours <= MAX_DEADLINE_HOURS:
        raise Invalid("deadline-invalid", f"A batch runs for 1 to {MAX_DEADLINE_HOURS} hours.")
    now = platform.chain.now()
    deadline = now + deadline_hours * 3600
    with platform.database.read() as session:
        held = find(session, agreement)
        roster = payments.roster(session, held.id)
        if not payments.is_in_force(session, held):
            raise Conflict("agreement-superseded", f"{held.id} is not in force; name the version that is.")
        if not roster:
            raise Invalid("agreement-without-roster", f"{held.id} pays no payees; name a disbursement.")
        file = read_batch_file(
            content,
            currency=held.currency,
            payees={(payee.name, payee.account): payee.index for payee in roster},
            payout_cap_minor=held.payout_cap_minor,
            control_total_minor=(
                None if control_total is None else minor_from_decimal_text(control_total, held.currency)
            ),
            control_count=control_count,
        )
        known = payments.batch_by_file(session, held.id, bytes.fromhex(file.sha256))
        if known is not None and _may_pay(session, known, now):
            return known.root.hex()
        _check_references(session, held.id, file)
    batch, rows = _draft(held, file, deadline, created_by)
    batch.dye_class, batch.document = dye_class or held.dye_class, document
    with platform.database.begin() as session:
        known = payments.batch_by_file(session, held.id, batch.file_digest)
        if known is not None:
            if _may_pay(session, known, now):
                return known.root.hex()
            batch.deadline = max(deadline, known.deadline + 1)
        session.add(batch)
        session.add_all(rows)
    return batch.root.hex()


def _check_references(session: Session, agreement: str, file: BatchFile) -> None:
    """Refuse a file that pays again what another batch of the agreement pays. Raises BatchFileRefused."""
    references = [line.end_to_end_id for line in file.rows]
    used = payments.references_in_use(session, agreement, references, b"")
    faults = [
        RowFault(line.line, "end_to_end_id", "id-in-use", ID_IN_USE, line.end_to_end_id)
        for line in sorted(file.rows, key=lambda line: line.line)
        if line.end_to_end_id in used
    ]
    if faults:
        raise BatchFileRefused(tuple(faults[:MAX_FAULTS]), len(faults))


def _may_pay(session: Session, batch: BatchModel, now: int) -> bool:
    """Whether a row of a batch was paid or may still be."""
    row = None if batch.batch is None else session.get(BatchRow, batch.batch)
    is_untouched = row is None or row.cursor == 0
    is_over = batch.deadline + CLOCKS_DIFFER_SECONDS < now or (row is not None and row.end == 0)
    return not (is_untouched and is_over)


def _draft(
    held: AgreementFileModel, file: BatchFile, deadline: int, created_by: str
) -> tuple[BatchModel, list[DocumentModel | PayoutModel]]:
    """The rows of a draft, salted."""
    salts = [secrets.token_bytes(SALT_BYTES) for _ in file.rows]
    documents = [_document(line, held.currency) for line in file.rows]
    infos = [commitment(salt, text) for salt, text in zip(salts, documents, strict=True)]
    rows = [
        Row(line.roster_index, line.amount_minor, info) for line, info in zip(file.rows, infos, strict=True)
    ]
    root = RowTree(rows).root
    batch = BatchModel(
        root=root,
        agreement=held.id,
        count=len(rows),
        total_minor=file.total_minor,
        deadline=deadline,
        file_digest=bytes.fromhex(file.sha256),
        created_by=created_by,
    )
    made: list[DocumentModel | PayoutModel] = []
    for number, (line, salt, info, text) in enumerate(zip(file.rows, salts, infos, documents, strict=True)):
        made.append(DocumentModel(commitment=info, kind="payout", salt=salt, content=text))
        made.append(
            PayoutModel(
                root=root,
                row=number,
                roster_index=line.roster_index,
                amount_minor=line.amount_minor,
                salt=salt,
                info=info,
                customer_reference=line.end_to_end_id,
                payee_name=line.payee_name,
                payee_account=line.payee_account,
                purpose=line.purpose,
            )
        )
    return batch, made


def _document(line: PayoutLine, currency: str) -> bytes:
    """What a row's information commitment commits to: canonical JSON."""
    return json.dumps(
        {
            "end_to_end_id": line.end_to_end_id,
            "payee_name": line.payee_name,
            "payee_account": line.payee_account,
            "amount_minor": line.amount_minor,
            "currency": currency,
            "purpose": line.purpose,
        },
        sort_keys=True,
        ensure_ascii=False,
    ).encode()


def _held(session: Session, identity: str) -> tuple[BatchModel, AgreementFileModel]:
    """A batch by draft id or id on chain, hex. Raises NotFound, Invalid."""
    try:
        key = bytes.fromhex(identity.removeprefix("0x"))
    except ValueError as error:
        raise Invalid("batch-id-invalid", "A batch's id is 64 hexadecimal digits.") from error
    held = payments.batch_by_id(session, key)
    if held is None:
        raise NotFound("batch-unknown", "There is no such batch; upload its file first.")
    return held, find(session, held.agreement)


def _reserved(session: Session, identity: str) -> tuple[BatchModel, ChecksumAddress, BatchRow]:
    """A batch that is on chain. Raises NotFound, Conflict."""
    held, agreement = _held(session, identity)
    row = None if held.batch is None else session.get(BatchRow, held.batch)
    if row is None:
        raise Conflict("batch-not-reserved", "This batch is a draft; an operator reserves it first.")
    return held, Web3.to_checksum_address(agreement.address or ""), row


def reservation(platform: Platform, identity: str) -> Act:
    """Reserve money for a draft; an operator of the account's controller signs.

    Raises Conflict when another batch, reserved since the upload, pays under the same ids.
    """
    with platform.database.read() as session:
        held, agreement = _held(session, identity)
        _check_unpaid(session, held)
        rows = row_tree(session, held.root)
        address = Web3.to_checksum_address(agreement.address or "")
    account, dye_class = name_id(agreement.account), name_id(held.dye_class)
    batch = batch_id(platform.chain.deployment, address, account, dye_class, rows, held.deadline)
    values: dict[str, Value] = {
        "dyeClass": dye_class,
        "root": held.root,
        "count": held.count,
        "total": held.total_minor,
        "deadline": held.deadline,
        "document": held.document or NO_DOCUMENT,
    }

    def build(signatures: list[bytes]) -> Call:
        return platform.chain.call("Disbursement", "reserve", *values.values(), only(signatures), at=address)

    def on_queue(session: Session) -> None:
        row = session.get_one(BatchModel, held.root)
        _check_unpaid(session, row)
        row.batch = batch
        directory.put_name(session, row.dye_class)
        give_end_to_end_ids(session, platform.chain, row)

    terms = platform.chain.read("Disbursement", "terms_hash", at=address)
    message = platform.chain.message("Reservation", address, terms=terms, **values)
    return Act(message, build, on_queue)


def _check_unpaid(session: Session, held: BatchModel) -> None:
    """Refuse a batch of which another pays a row. Raises Conflict."""
    references = [row.customer_reference for row in payments.payouts(session, held.root)]
    used = payments.references_in_use(session, held.agreement, references, held.root)
    if used:
        raise Conflict("id-in-use", f"{len(used)} of its rows: {ID_IN_USE}")


def approval(platform: Platform, identity: str) -> Act:
    """Approve exactly this batch; a supervisor of the quorum signs."""
    with platform.database.read() as session:
        _, address, row = _reserved(session, identity)
    message = platform.chain.message(
        "Approval",
        address,
        batch=row.batch,
        terms=platform.chain.read("Disbursement", "terms_hash", at=address),
        account=row.account,
        root=row.root,
        count=row.count,
        total=row.total_minor,
        deadline=row.deadline,
        document=platform.chain.read("Disbursement", "document_of", row.batch, at=address),
    )

    def build(signatures: list[bytes]) -> Call:
        return platform.chain.call("Disbursement", "approve", row.batch, only(signatures), at=address)

    return Act(message, build)


def revocation(platform: Platform, identity: str) -> Act:
    """Take an approval back, for good; the supervisor who gave it signs."""
    with platform.database.read() as session:
        _, address, row = _reserved(session, identity)

    def build(signatures: list[bytes]) -> Call:
        return platform.chain.call("Disbursement", "revoke", row.batch, only(signatures), at=address)

    return Act(platform.chain.message("Revocation", address, batch=row.batch), build)


def countersignature(platform: Platform, identity: str) -> Act:
    """Counter-sign a batch; an operator of an institution that the terms name signs."""
    with platform.database.read() as session:
        _, address, row = _reserved(session, identity)
    message = platform.chain.message(
        "Countersignature",
        address,
        batch=row.batch,
        terms=platform.chain.read("Disbursement", "terms_hash", at=address),
        document=platform.chain.read("Disbursement", "document_of", row.batch, at=address),
    )

    def build(signatures: list[bytes]) -> Call:
        return platform.chain.call("Disbursement", "countersign", row.batch, only(signatures), at=address)

    return Act(message, build)


def evidence(
    platform: Platform, identity: str, kind: str, document: bytes, observed_at: int | None = None
) -> Act:
    """Attest evidence about a batch; a witness that the terms name signs.

    Only a salted commitment to the document goes on chain; the document is kept here. `observed_at`: chain
    time, seconds, when the witness observed it; None for now, or when it was first attested.
    """
    with platform.database.read() as session:
        _, address, row = _reserved(session, identity)
        held = shown(platform, row.batch, document)
        same = (
            each.observed_at
            for each in projections.evidence(session, row.batch)
            if (each.kind, each.digest) == (name_id(kind), held.commitment)
        )
        earlier = next(same, None)
    observed = observed_at or earlier or platform.chain.now()

    def build(signatures: list[bytes]) -> Call:
        given = (row.batch, name_id(kind), held.commitment, observed, only(signatures))
        return platform.chain.call("Disbursement", "attest", *given, at=address)

    def on_queue(session: Session) -> None:
        directory.put_name(session, kind)
        held.keep(session, f"evidence:{kind}")

    message = platform.chain.message(
        "Evidence", address, batch=row.batch, kind=name_id(kind), digest=held.commitment, observedAt=observed
    )
    return Act(message, build, on_queue)


def cancellation(platform: Platform, identity: str) -> Act:
    """Release what is not executed yet; an operator signs."""
    with platform.database.read() as session:
        _, address, row = _reserved(session, identity)
    message = platform.chain.message("Cancellation", address, batch=row.batch)

    def build(signatures: list[bytes]) -> Call:
        return platform.chain.call("Disbursement", "cancel", row.batch, only(signatures), at=address)

    return Act(message, build)


def release(platform: Platform, identity: str) -> Act:
    """Give what is not executed yet back, whatever the operators say; the quorum of the tree signs."""
    with platform.database.read() as session:
        _, _, row = _reserved(session, identity)

    def build(signatures: list[bytes]) -> Call:
        return platform.chain.call("Supervision", "release", row.batch, signatures)

    return Act(platform.chain.message("Release", "Supervision", batch=row.batch), build)


def redirection(platform: Platform, identity: str, custody: bytes) -> Act:
    """Let what a batch gives back go to a custody of money of its line; the quorum of the tree signs."""
    with platform.database.read() as session:
        _, _, row = _reserved(session, identity)

    def build(signatures: list[bytes]) -> Call:
        return platform.chain.call("Supervision", "redirect", row.batch, custody, signatures)

    message = platform.chain.message("Redirection", "Supervision", batch=row.batch, custody=custody)
    return Act(message, build)


def execute(platform: Platform, identity: str, skip_refused: bool = False) -> list[Mined]:
    """Execute what is left of a batch, in runs of chunks that are tried together before any of them is sent.

    Raises ChainRefused at the first refusal: nothing of that run was executed.
    """
    with platform.database.read() as session:
        held, address, row = _reserved(session, identity)
        rows = row_tree(session, held.root)
    calls = [
        (
            f"execute:{row.batch.hex()}:{chunk.first_row}",
            platform.chain.call(
                "Disbursement", "execute", row.batch, chunk.rows, chunk.proof, skip_refused, at=address
            ),
        )
        for chunk in rows.chunks()
        if chunk.first_row >= row.cursor
    ]
    mined: list[Mined] = []
    for first in range(0, len(calls), CHUNKS_A_RUN):
        mined += platform.perform_in_order(calls[first : first + CHUNKS_A_RUN])
    return mined


def show(platform: Platform, identity: str) -> dict[str, object]:
    """What became of a batch."""
    with platform.database.read() as session:
        held, agreement = _held(session, identity)
        row = None if held.batch is None else session.get(BatchRow, held.batch)
        gone = [] if row is None else projections.gone_rows(session, row.batch)
        approvals = [] if row is None else projections.approvals(session, row.batch)
        known = directory.names(session)
        kinds = Counter(each.kind for each in gone)
        return {
            "draft": held.root.hex(),
            "batch": None if row is None else row.batch.hex(),
            "agreement": agreement.id,
            "rows": held.count,
            "total": decimal_text(held.total_minor, agreement.currency),
            "currency": agreement.currency,
            "deadline": held.deadline,
            "document": None if held.document is None else held.document.hex(),
            "created_by": held.created_by,
            "approvals": [
                {
                    "supervisor": each.supervisor,
                    "institution": known.get(each.institution),
                    "revoked": each.revoked is not None,
                }
                for each in approvals
            ],
            "executed_rows": 0 if row is None else row.cursor,
            "end_row": held.count if row is None else row.end,
            "skipped": kinds["skipped"],
            "returned": kinds["returned"],
            "returned_late": kinds["returned_late"],
            "settled": False if row is None else row.settled,
            "payouts": payments.count_payouts(session, held.root),
            "orders": [
                {"message_id": order.message_id, "state": order.state, "attempts": order.attempts}
                for order in payments.orders(session, held.root)
            ],
        }


def payouts(platform: Platform, identity: str) -> list[dict[str, object]]:
    """The rows of a batch."""
    with platform.database.read() as session:
        held, _ = _held(session, identity)
        return [
            {
                "row": each.row,
                "end_to_end_id": each.end_to_end_id,
                "customer_reference": each.customer_reference,
                "payee_name": each.payee_name,
                "payee_account": each.payee_account,
                "amount_minor": each.amount_minor,
                "state": each.state,
                "reason": each.reason,
            }
            for each in payments.payouts(session, held.root)
        ]


def listing(platform: Platform) -> list[dict[str, object]]:
    """All batches, oldest first."""
    with platform.database.read() as session:
        return [
            {
                "draft": held.root.hex(),
                "batch": held.batch.hex() if held.batch else None,
                "agreement": held.agreement,
                "rows": held.count,
                "total_minor": held.total_minor,
            }
            for held in payments.batches(session)
        ]
