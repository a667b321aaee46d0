"""Payout batches: uploaded, reserved, approved, attested, executed, cancelled, shown."""

from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Path, Query, UploadFile
from pydantic import Field

from api.acts import performed, prepared, transaction
from api.auth import EVERYONE, CallerOf, roles
from api.context import RunningPlatform, ThePlatform
from api.schemas import Body, Hash, Items, Name, Performed, Prepared, Signature, Signed
from bridge.platform import Platform
from bridge.services import batches
from bridge.services.acts import Act

__all__ = ["BODY_LIMITS", "router"]

router = APIRouter(tags=["batches"])

BODY_LIMITS = {r"/v1/batches": 70 * 2**20, r"/v1/batches/[^/]+/evidence(/prepare)?": 16 * 2**20}
MAX_PAGE = 10_000

BatchId = Annotated[str, Path(max_length=66, description="The draft's id or the batch's id on chain, hex.")]
Kind = Annotated[Name, Form(description="The kind of evidence, as the agreement names it.")]
Document = Annotated[UploadFile, File(description="The evidence; only a salted commitment goes on chain.")]
ObservedAt = Annotated[
    int | None,
    Form(gt=0, lt=2**62, description="Chain time of the observation, seconds; prepare fills in now."),
]
RESERVERS = ("bank", "operator")


@router.post("/batches", **roles("bank", "operator"))
def upload(
    platform: ThePlatform,
    caller: CallerOf,
    file: Annotated[UploadFile, File(description="Payouts, CSV.")],
    agreement: Annotated[str, Form(min_length=1, max_length=140)],
    control_total: Annotated[str | None, Form(max_length=40, description="Decimal text.")] = None,
    control_count: Annotated[int | None, Form(ge=1)] = None,
    deadline_hours: Annotated[int, Form(ge=1)] = 72,
    dye_class: Annotated[Name | None, Form(description="What it draws, if not the agreement's.")] = None,
    document: Annotated[Hash | None, Form(description="The registered document it pays.")] = None,
) -> dict[str, Any]:
    """Make a draft of a payout file, all or nothing; 422 names every fault with row and column."""
    draft = batches.upload(
        platform,
        agreement,
        file.file.read(),
        caller.name,
        control_total,
        control_count,
        deadline_hours,
        dye_class,
        None if document is None else bytes.fromhex(document.removeprefix("0x")),
    )
    return batches.show(platform, draft)


@router.get("/batches", **roles(*EVERYONE))
def list_batches(platform: ThePlatform) -> Items:
    """All batches, oldest first."""
    return Items(items=batches.listing(platform))


@router.get("/batches/{batch}", **roles(*EVERYONE))
def show(platform: ThePlatform, batch: BatchId) -> dict[str, Any]:
    """What became of a batch."""
    return batches.show(platform, batch)


@router.get("/batches/{batch}/payouts", **roles(*EVERYONE))
def list_payouts(
    platform: ThePlatform,
    batch: BatchId,
    after: Annotated[int, Query(ge=-1, description="The last row already seen.")] = -1,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 1_000,
) -> Items:
    """The rows of a batch, in order."""
    rows = batches.payouts(platform, batch)
    page = rows[after + 1 : after + 1 + limit]
    last = after + len(page)
    return Items(items=page, next=last if last + 1 < len(rows) else None)


@router.post("/batches/{batch}/reservations/prepare", **roles(*RESERVERS))
def prepare_reservation(platform: ThePlatform, batch: BatchId) -> Prepared:
    """A reservation to be signed by an operator of the account's controller."""
    return prepared(batches.reservation(platform, batch), {})


@router.post("/batches/{batch}/reservations", **roles(*RESERVERS))
def reserve(platform: RunningPlatform, batch: BatchId, wanted: Signed) -> Performed:
    """Reserve money for a draft: it becomes a batch on chain."""
    return performed(platform, batches.reservation(platform, batch), wanted.signatures)


@router.post("/batches/{batch}/approvals/prepare", **roles("bank", "supervisor"))
def prepare_approval(platform: ThePlatform, batch: BatchId) -> Prepared:
    """An approval of exactly this batch, to be signed by a supervisor of the quorum."""
    return prepared(batches.approval(platform, batch), {})


@router.post("/batches/{batch}/approvals", **roles("bank", "supervisor"))
def approve(platform: RunningPlatform, batch: BatchId, wanted: Signed) -> Performed:
    """Give one supervisor's approval."""
    return performed(platform, batches.approval(platform, batch), wanted.signatures)


@router.post("/batches/{batch}/revocations/prepare", **roles("bank", "supervisor"))
def prepare_revocation(platform: ThePlatform, batch: BatchId) -> Prepared:
    """A revocation to be signed by the supervisor who approved."""
    return prepared(batches.revocation(platform, batch), {})


@router.post("/batches/{batch}/revocations", **roles("bank", "supervisor"))
def revoke(platform: RunningPlatform, batch: BatchId, wanted: Signed) -> Performed:
    """Take an approval back; who revoked cannot approve that batch again."""
    return performed(platform, batches.revocation(platform, batch), wanted.signatures)


@router.post("/batches/{batch}/countersignatures/prepare", **roles(*RESERVERS))
def prepare_countersignature(platform: ThePlatform, batch: BatchId) -> Prepared:
    """A counter-signature, to be signed by an operator of an institution that the terms name."""
    return prepared(batches.countersignature(platform, batch), {})


@router.post("/batches/{batch}/countersignatures", **roles(*RESERVERS))
def countersign(platform: RunningPlatform, batch: BatchId, wanted: Signed) -> Performed:
    """Counter-sign a batch."""
    return performed(platform, batches.countersignature(platform, batch), wanted.signatures)


@router.post("/batches/{batch}/cancellations/prepare", **roles(*RESERVERS))
def prepare_cancellation(platform: ThePlatform, batch: BatchId) -> Prepared:
    """A cancellation to be signed by an operator."""
    return prepared(batches.cancellation(platform, batch), {})


@router.post("/batches/{batch}/cancellations", **roles(*RESERVERS))
def cancel(platform: RunningPlatform, batch: BatchId, wanted: Signed) -> Performed:
    """Release what is not executed yet."""
    return performed(platform, batches.cancellation(platform, batch), wanted.signatures)


@router.post("/batches/{batch}/releases/prepare", **roles("bank", "supervisor"))
def prepare_release(platform: ThePlatform, batch: BatchId) -> Prepared:
    """A release to be signed by the tree's quorum."""
    return prepared(batches.release(platform, batch), {})


@router.post("/batches/{batch}/releases", **roles("bank", "supervisor"))
def release(platform: RunningPlatform, batch: BatchId, wanted: Signed) -> Performed:
    """Give what is not executed yet back, whatever the operators say."""
    return performed(platform, batches.release(platform, batch), wanted.signatures)


class Redirection(Body):
    """Where what a batch gives back is to go."""

    custody: Hash


class SignedRedirection(Redirection, Signed):
    """A redirection with the signatures of the quorum."""


def _redirection(platform: Platform, batch: str, wanted: Redirection) -> Act:
    return batches.redirection(platform, batch, bytes.fromhex(wanted.custody.removeprefix("0x")))


@router.post("/batches/{batch}/redirections/prepare", **roles("bank", "supervisor"))
def prepare_redirection(platform: ThePlatform, batch: BatchId, wanted: Redirection) -> Prepared:
    """A redirection to be signed by the tree's quorum."""
    return prepared(_redirection(platform, batch, wanted), wanted.model_dump())


@router.post("/batches/{batch}/redirections", **roles("bank", "supervisor"))
def redirect(platform: RunningPlatform, batch: BatchId, wanted: SignedRedirection) -> Performed:
    """Let what a batch gives back go to a custody of money of its line."""
    return performed(platform, _redirection(platform, batch, wanted), wanted.signatures)


def _evidence(
    platform: Platform, batch: str, kind: str, document: UploadFile, observed_at: int | None
) -> Act:
    return batches.evidence(platform, batch, kind, document.file.read(), observed_at)


@router.post("/batches/{batch}/evidence/prepare", **roles(*EVERYONE))
def prepare_evidence(
    platform: ThePlatform, batch: BatchId, kind: Kind, document: Document, observed_at: ObservedAt = None
) -> Prepared:
    """Evidence to be signed by a witness that the terms name."""
    act = _evidence(platform, batch, kind, document, observed_at)
    return prepared(act, {"kind": kind, "observed_at": act.message.values["observedAt"]})


@router.post("/batches/{batch}/evidence", **roles(*EVERYONE))
def attest(
    platform: RunningPlatform,
    batch: BatchId,
    kind: Kind,
    document: Document,
    signatures: Annotated[list[Signature], Form(min_length=1, max_length=16)],
    observed_at: ObservedAt = None,
) -> Performed:
    """Attest evidence about a batch."""
    return performed(platform, _evidence(platform, batch, kind, document, observed_at), signatures)


class Execution(Body):
    """How to execute."""

    skip_refused: bool = Field(
        False, description="Send back a row that its payee's clauses refuse, instead of stopping there."
    )


@router.post("/batches/{batch}/executions", **roles("bank", "operator", "supervisor"))
def execute(platform: RunningPlatform, batch: BatchId, wanted: Execution) -> dict[str, Any]:
    """Execute what is left of a batch, chunk by chunk, up to the first refusal."""
    mined = batches.execute(platform, batch, wanted.skip_refused)
    return {
        "transactions": [transaction(each).model_dump() for each in mined],
        **batches.show(platform, batch),
    }
