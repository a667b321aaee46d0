"""Agreements: checked, explained, tried, deployed, activated; and allocations under them."""

import base64
import binascii
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, File, Path, UploadFile
from pydantic import AfterValidator, Field

from api.acts import performed, prepared, transaction
from api.auth import EVERYONE, roles
from api.context import RunningPlatform, ThePlatform
from api.schemas import Body, Items, Name, Performed, Prepared, Signature, Signed
from bridge.errors import Invalid
from bridge.platform import Platform
from bridge.services import agreement_acts, agreements, allocations, payees, replays, workflows
from bridge.services.acts import Act
from bridge.store import payments
from contracts.agreement import CompiledAgreement

__all__ = ["BODY_LIMITS", "router"]

router = APIRouter(tags=["agreements"])

BODY_LIMITS = {
    r"/v1/agreements(/check|/check-together|/explain|/simulate|/replay)?": 16 * 2**20,
    r"/v1/agreements/[^/]+/acts/[^/]+(/prepare)?": 16 * 2**20,
}
MAX_ROSTERS = 16
MAX_WORKFLOW = 32

AgreementName = Annotated[
    str, Path(max_length=140, description="Id (name@version), address, or name for the latest version.")
]
AUTHORS = ("bank", "operator", "supervisor")


@dataclass(frozen=True)
class AgreementFiles:
    """An agreement and its payee rosters, by the file names it gives them."""

    content: bytes
    rosters: dict[str, bytes]


def _received(
    file: Annotated[UploadFile, File(description="The agreement, YAML.")],
    rosters: Annotated[
        list[UploadFile] | None, File(description="Payee rosters, CSV, named as the agreement names them.")
    ] = None,
) -> AgreementFiles:
    """The files of a request. Raises Invalid for a roster without a name, or named twice."""
    received = rosters or []
    found = {each.filename: each.file.read() for each in received if each.filename}
    if len(received) > MAX_ROSTERS or len(found) < len(received):
        raise Invalid(
            "rosters-invalid", f"Send at most {MAX_ROSTERS} rosters, each under a file name of its own."
        )
    return AgreementFiles(file.file.read(), found)


Files = Annotated[AgreementFiles, Depends(_received)]


@dataclass(frozen=True)
class WorkflowFiles:
    """Agreements of a workflow and their payee rosters, by file name."""

    contents: dict[str, bytes]
    rosters: dict[str, bytes]


def _received_workflow(
    files: Annotated[list[UploadFile], File(description="The agreements, YAML, each under its own name.")],
    rosters: Annotated[
        list[UploadFile] | None, File(description="Payee rosters, CSV, named as the agreements name them.")
    ] = None,
) -> WorkflowFiles:
    """The files of a request. Raises Invalid for a file without a name, or named twice."""
    contents = {each.filename: each.file.read() for each in files if each.filename}
    if len(files) > MAX_WORKFLOW or len(contents) < len(files):
        raise Invalid(
            "files-invalid", f"Send at most {MAX_WORKFLOW} agreements, each under a file name of its own."
        )
    return WorkflowFiles(contents, _received(files[0], rosters).rosters)


Workflow = Annotated[WorkflowFiles, Depends(_received_workflow)]


def _compiled(made: CompiledAgreement) -> dict[str, Any]:
    """What a person wants to know of a file that is in order."""
    content = made.file.content
    guards = [(guard.clause, guard.kind.name.lower()) for guard in made.guards]
    return {
        "agreement": f"{content.agreement}@{content.version}",
        "template": content.template,
        "account": content.accounts.pays_from,
        "dye_class": content.accounts.dye_class,
        "currency": content.currency,
        "funds": list(content.accounts.funds),
        "clauses": [
            {"clause": number, "name": name, "guards": [kind for clause, kind in guards if clause == number]}
            for number, name in enumerate(made.clause_names)
        ],
        "payees": len(made.roster),
        "expected_results": len(content.expected),
    }


@router.post("/agreements/check", **roles(*AUTHORS))
def check(platform: ThePlatform, files: Files) -> dict[str, Any]:
    """Check a file against the directory; 422 names every fault."""
    return _compiled(agreements.check(platform, files.content, files.rosters))


@router.post("/agreements/check-together", **roles(*AUTHORS))
def check_together(platform: ThePlatform, files: Workflow) -> dict[str, Any]:
    """Check the agreements of a workflow, each by itself and all together; 422 names every fault."""
    checked = workflows.check(platform, files.contents, files.rosters)
    return {"agreements": [f"{file.content.agreement}@{file.content.version}" for file in checked]}


@router.post("/agreements/explain", **roles(*AUTHORS))
def explain(platform: ThePlatform, files: Files) -> dict[str, str]:
    """The agreement in sentences, Chinese and English."""
    text = agreements.explanation(platform, files.content, files.rosters)
    return {"zh": text.zh, "en": text.en}


@router.post("/agreements/simulate", **roles(*AUTHORS))
def simulate(platform: ThePlatform, files: Files) -> dict[str, Any]:
    """Try the file against the expected results written in it."""
    results = agreements.simulate(platform, files.content, files.rosters)
    return {
        "ok": all(result.ok for result in results),
        "cases": [
            {"case": result.case, "ok": result.ok, "message": asdict(result.message)} for result in results
        ],
    }


@router.post("/agreements/replay", **roles(*AUTHORS))
def replay(platform: ThePlatform, files: Files) -> dict[str, Any]:
    """Try a new version over what the version in force paid, and name every verdict that changes."""
    return replays.shown(replays.run(platform, files.content, files.rosters))


@router.post("/agreements", **roles("bank", "operator"))
def deploy(platform: RunningPlatform, files: Files) -> dict[str, Any]:
    """Put an agreement on chain, inactive, if every expected result came out."""
    held = agreements.deploy(platform, files.content, files.rosters)
    return agreements.show(platform, held.id)


@router.get("/agreements", **roles(*EVERYONE))
def list_agreements(platform: ThePlatform) -> Items:
    """Every deployed agreement, in short."""
    with platform.database.read() as session:
        deployed = [held.id for held in payments.agreement_files(session) if held.address is not None]
    shown = ("agreement", "address", "template", "account", "dye_class", "currency", "active", "payees")
    rows = (agreements.show(platform, each) for each in deployed)
    return Items(items=[{key: row[key] for key in shown} for row in rows])


@router.get("/agreements/{agreement}", **roles(*EVERYONE))
def show(platform: ThePlatform, agreement: AgreementName) -> dict[str, Any]:
    """An agreement as it stands, with its explanation and its trial."""
    return agreements.show(platform, agreement)


@router.post("/agreements/{agreement}/activations/prepare", **roles(*AUTHORS))
def prepare_activation(platform: ThePlatform, agreement: AgreementName) -> Prepared:
    """An activation to be signed by supervisors of the account's quorum."""
    return prepared(agreements.activation(platform, agreement), {})


@router.post("/agreements/{agreement}/activations", **roles(*AUTHORS))
def activate(platform: RunningPlatform, agreement: AgreementName, wanted: Signed) -> Performed:
    """Let an agreement draw on its account."""
    return performed(platform, agreements.activation(platform, agreement), wanted.signatures)


@router.post("/agreements/{agreement}/retirements/prepare", **roles("bank", "supervisor"))
def prepare_retirement(platform: ThePlatform, agreement: AgreementName) -> Prepared:
    """A retirement to be signed by supervisors of the account's quorum."""
    return prepared(agreements.retirement(platform, agreement), {})


@router.post("/agreements/{agreement}/retirements", **roles("bank", "supervisor"))
def retire(platform: RunningPlatform, agreement: AgreementName, wanted: Signed) -> Performed:
    """Take an agreement's accounts away from it, for good."""
    return performed(platform, agreements.retirement(platform, agreement), wanted.signatures)


@router.get("/agreements/{agreement}/status", **roles(*EVERYONE))
def status(platform: ThePlatform, agreement: AgreementName) -> dict[str, Any]:
    """How an agreement stands on chain, and what can be done with it."""
    return agreement_acts.status(platform, agreement)


ActName = Annotated[str, Path(max_length=40, description="An act that the agreement's status lists.")]
AmountText = Annotated[str | None, Field(max_length=40)]
Moment = Annotated[int | None, Field(gt=0, lt=2**62, description="Chain time, seconds.")]
Count = Annotated[int | None, Field(ge=0, lt=2**62)]
Nonce = Annotated[int | None, Field(ge=0, lt=2**62, description="Which one it is; prepare fills it in.")]


def _base64(value: str) -> str:
    try:
        base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ValueError("this is no base64 of the standard alphabet, padded with =") from error
    return value


Base64Text = Annotated[str, AfterValidator(_base64)]


class AgreementAct(Body):
    """What an act takes, as the agreement's status lists it; everything else is left out."""

    milestone: str | None = Field(None, max_length=120, description="Its name in the file.")
    amount: AmountText = Field(None, description="Decimal text in the agreement's currency: 1000.00")
    to_payee: AmountText = Field(None, description="Decimal text: what the payee gets.")
    to_payer: AmountText = Field(None, description="Decimal text: what the payer gets.")
    price: AmountText = Field(None, description="Decimal text: what is paid for it.")
    by: Literal["payer", "payee"] | None = Field(None, description="Which party disputes.")
    holder: Name | None = None
    to: Name | None = None
    account: Name | None = None
    claim: Count = Field(None, description="Its number; the first is 0.")
    receipt: Count = Field(None, description="Its number; the first is 1.")
    reference: str | None = Field(None, min_length=1, max_length=140, description="Makes the act unique.")
    number: str | None = Field(None, min_length=1, max_length=140, description="The document's own number.")
    document: Base64Text | None = Field(
        None, description="The evidence, base64; only a salted commitment goes on chain."
    )
    observed_at: Moment = Field(None, description="When it was observed; prepare fills in now.")
    deadline: Moment = Field(None, description="When signatures are void; prepare fills in a day from now.")
    nonce: Nonce = None
    payer_nonce: Nonce = None
    payee_nonce: Nonce = None


class SignedAgreementAct(AgreementAct):
    """An act as prepare gave it, with the signatures of those who decide it; none where anyone may do it."""

    signatures: list[Signature] = Field(default=[], max_length=16)


def _told(wanted: AgreementAct) -> agreement_acts.Told:
    told = wanted.model_dump(include=set(AgreementAct.model_fields))
    document = None if wanted.document is None else base64.b64decode(wanted.document)
    return agreement_acts.Told(**told | {"document": document})


@router.post("/agreements/{agreement}/acts/{act}/prepare", **roles(*EVERYONE))
def prepare_act(
    platform: ThePlatform, agreement: AgreementName, act: ActName, wanted: AgreementAct
) -> Prepared:
    """An act of an escrow, a guarantee, a split, a delivery or a receivable, to be signed by its parties."""
    made = agreement_acts.by_parties(platform, agreement, act, _told(wanted))
    filled = agreement_acts.filled_in(made.message)
    return prepared(made, wanted.model_dump(exclude_none=True) | filled)


@router.post("/agreements/{agreement}/acts/{act}", **roles(*EVERYONE))
def do_act(
    platform: RunningPlatform, agreement: AgreementName, act: ActName, wanted: SignedAgreementAct
) -> Performed:
    """Do what the parties signed, or, without signatures, what anyone may do."""
    told = _told(wanted)
    if not wanted.signatures:
        return Performed(transaction=transaction(agreement_acts.by_anyone(platform, agreement, act, told)))
    made = agreement_acts.by_parties(platform, agreement, act, told, is_signed=True)
    return performed(platform, made, wanted.signatures)


class Block(Body):
    """A payee to block, or to let in again."""

    payee: str = Field(min_length=1, max_length=34, description="Account number, as the roster has it.")
    blocked: bool
    nonce: int | None = Field(None, ge=0, lt=2**62, description="Which one it is; prepare fills it in.")


class SignedBlock(Block, Signed):
    """A block with a supervisor's signature, or its end with the quorum's."""


def _block(platform: Platform, agreement: str, wanted: Block) -> Act:
    return payees.block(platform, agreement, wanted.payee, wanted.blocked, wanted.nonce)


@router.post("/agreements/{agreement}/blocks/prepare", **roles("bank", "supervisor"))
def prepare_block(platform: ThePlatform, agreement: AgreementName, wanted: Block) -> Prepared:
    """To block, one supervisor of the quorum that the terms name signs; to let in again, the quorum."""
    act = _block(platform, agreement, wanted)
    return prepared(act, wanted.model_dump() | {"nonce": act.message.values["nonce"]})


@router.post("/agreements/{agreement}/blocks", **roles("bank", "supervisor"))
def block(platform: RunningPlatform, agreement: AgreementName, wanted: SignedBlock) -> Performed:
    """Block a payee at once, or let a blocked one in again."""
    return performed(platform, _block(platform, agreement, wanted), wanted.signatures)


class NewDocument(Body):
    """A document that batches can pay: an invoice, an order, a receipt."""

    kind: Name
    number: str = Field(min_length=1, max_length=140, description="The issuer's own number of it.")
    holder: Name
    payee: str = Field(min_length=1, max_length=34, description="Account number, as the roster has it.")
    amount: str = Field(max_length=40, description="Decimal text in the agreement's currency: 1000.00")


class SignedDocument(NewDocument, Signed):
    """A document with a witness's signature."""


def _document(platform: Platform, agreement: str, wanted: NewDocument) -> Act:
    fields = wanted.model_dump(include=set(NewDocument.model_fields))
    return payees.registration(platform, agreement, **fields)


@router.get("/documents", **roles(*EVERYONE))
def list_documents(platform: ThePlatform) -> Items:
    """Registered documents, and what is spoken for of each."""
    return Items(items=payees.documents(platform))


@router.post("/agreements/{agreement}/documents/prepare", **roles(*EVERYONE))
def prepare_document(platform: ThePlatform, agreement: AgreementName, wanted: NewDocument) -> Prepared:
    """A registration to be signed by a witness that the terms name; its id is in the message."""
    return prepared(_document(platform, agreement, wanted), wanted.model_dump())


@router.post("/agreements/{agreement}/documents", **roles(*EVERYONE))
def register_document(
    platform: RunningPlatform, agreement: AgreementName, wanted: SignedDocument
) -> Performed:
    """Register a document, once in the whole network."""
    return performed(platform, _document(platform, agreement, wanted), wanted.signatures)


class Allocation(Body):
    """Money for an account of the tree. `reference` makes the act unique."""

    agreement: str = Field(min_length=1, max_length=140)
    account: Name
    amount: str = Field(max_length=40, description="Decimal text in the agreement's currency: 1000.00")
    reference: str = Field(min_length=1, max_length=140)
    deadline: int | None = Field(
        None, gt=0, lt=2**62, description="Chain time, seconds; an hour from now when prepare fills it in."
    )


class SignedAllocation(Allocation, Signed):
    """An allocation with an operator's signature."""


ALLOCATION_SECONDS = 3_600


def _allocation(platform: Platform, wanted: Allocation, deadline: int) -> Act:
    return allocations.allocation(
        platform, wanted.agreement, wanted.account, wanted.amount, wanted.reference, deadline
    )


@router.post("/allocations/prepare", tags=["allocations"], **roles("operator"))
def prepare_allocation(platform: ThePlatform, wanted: Allocation) -> Prepared:
    """An allocation to be signed by an operator of the source account's controller."""
    deadline = wanted.deadline or platform.chain.now() + ALLOCATION_SECONDS
    return prepared(_allocation(platform, wanted, deadline), wanted.model_dump() | {"deadline": deadline})


@router.post("/allocations", tags=["allocations"], **roles("operator"))
def allocate(platform: RunningPlatform, wanted: SignedAllocation) -> Performed:
    """Fund an account under an allocation agreement."""
    if wanted.deadline is None:
        raise Invalid("deadline-missing", "Send the deadline that was signed; prepare gives it.")
    return performed(platform, _allocation(platform, wanted, wanted.deadline), wanted.signatures)
