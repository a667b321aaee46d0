"""Projections of the chain. Every row can be rebuilt from the logs alone (I9)."""

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from bridge.store.base import Bytes32, Minor, Projection

__all__ = [
    "PROJECTIONS",
    "AccountRow",
    "AgreementRow",
    "AnnouncementRow",
    "ApprovalRow",
    "AttestedRow",
    "BatchRow",
    "BlockRow",
    "BlockedRow",
    "ChunkRow",
    "CountersignatureRow",
    "CustodyRow",
    "DecisionRow",
    "DyeClassRow",
    "EvidenceRow",
    "GaveBackRow",
    "GoneRow",
    "GrantRow",
    "InstitutionRow",
    "LotRow",
    "MapRow",
    "PauseRow",
    "QuorumMemberRow",
    "QuorumRow",
    "ReferenceRow",
    "RefusalRow",
    "RegisteredRow",
    "ReturnRow",
    "ReversalRow",
    "RosterSetRow",
    "SignerRow",
    "TreeRow",
    "UnstoredRow",
    "WaiverRow",
]


class BlockRow(Projection):
    """The last block that is indexed: the cursor."""

    __tablename__ = "chain_cursor"
    name: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int]
    hash: Mapped[Bytes32]


class InstitutionRow(Projection):
    """An institution of the directory."""

    __tablename__ = "chain_institution"
    institution: Mapped[Bytes32] = mapped_column(primary_key=True)
    kind: Mapped[int]


class AnnouncementRow(Projection):
    """Directory changes that were announced; `state` is announced, applied or withdrawn."""

    __tablename__ = "chain_announcement"
    change: Mapped[Bytes32] = mapped_column(primary_key=True)
    nonce: Mapped[int]
    ready_at: Mapped[Minor]
    recovery: Mapped[bool]
    state: Mapped[str] = mapped_column(default="announced")


class SignerRow(Projection):
    """A signer; `roles` is zero when suspended, or when `successor` took its place."""

    __tablename__ = "chain_signer"
    address: Mapped[str] = mapped_column(primary_key=True)
    institution: Mapped[Bytes32]
    roles: Mapped[int]
    successor: Mapped[str | None]
    block: Mapped[int]


class QuorumRow(Projection):
    """A quorum's threshold."""

    __tablename__ = "chain_quorum"
    quorum: Mapped[Bytes32] = mapped_column(primary_key=True)
    threshold: Mapped[int]


class QuorumMemberRow(Projection):
    """A member of a quorum."""

    __tablename__ = "chain_quorum_member"
    quorum: Mapped[Bytes32] = mapped_column(primary_key=True)
    institution: Mapped[Bytes32] = mapped_column(primary_key=True)


class TreeRow(Projection):
    """A supervised account; what its bank attested last, and took back without anything making it good."""

    __tablename__ = "chain_tree"
    tree: Mapped[Bytes32] = mapped_column(primary_key=True)
    bank: Mapped[Bytes32]
    quorum: Mapped[Bytes32]
    currency: Mapped[str]
    attested_minor: Mapped[Minor] = mapped_column(default=0)
    shortfall_minor: Mapped[Minor] = mapped_column(default=0)


class AccountRow(Projection):
    """A ledger account."""

    __tablename__ = "chain_account"
    account: Mapped[Bytes32] = mapped_column(primary_key=True)
    parent: Mapped[Bytes32]
    tree: Mapped[Bytes32] = mapped_column(index=True)
    controller: Mapped[Bytes32]
    frozen: Mapped[bool] = mapped_column(default=False)
    closed: Mapped[bool] = mapped_column(default=False)


class GrantRow(Projection):
    """Whether an agreement may draw on an account."""

    __tablename__ = "chain_grant"
    account: Mapped[Bytes32] = mapped_column(primary_key=True)
    agreement: Mapped[str] = mapped_column(primary_key=True)
    granted: Mapped[bool]


class PauseRow(Projection):
    """A pause or its end; the latest counts."""

    __tablename__ = "chain_pause"
    id: Mapped[Minor] = mapped_column(primary_key=True, autoincrement=False)
    paused: Mapped[bool]
    block: Mapped[int]


class AttestedRow(Projection):
    """What a bank's attester signed, minor units: a balance, and what came and went since."""

    __tablename__ = "chain_attested"
    tree: Mapped[Bytes32] = mapped_column(primary_key=True)
    number: Mapped[Minor] = mapped_column(primary_key=True, autoincrement=False)
    balance_minor: Mapped[Minor]
    credits_minor: Mapped[Minor]
    debits_minor: Mapped[Minor]
    statement: Mapped[Bytes32]
    block: Mapped[int]


class LotRow(Projection):
    """A lot: what one bank credit minted."""

    __tablename__ = "chain_lot"
    line: Mapped[Bytes32] = mapped_column(primary_key=True)
    reference: Mapped[Bytes32] = mapped_column(unique=True)
    tree: Mapped[Bytes32] = mapped_column(index=True)
    amount_minor: Mapped[Minor]
    info: Mapped[Bytes32]
    block: Mapped[int]


class ReferenceRow(Projection):
    """A bank reference that a return set or a void used up: `opened_minor` is what it opened, 0 when void.

    Closed with a remainder, that became a lot of its own: `remainder` is its reference.
    """

    __tablename__ = "chain_reference"
    reference: Mapped[Bytes32] = mapped_column(primary_key=True)
    tree: Mapped[Bytes32]
    opened_minor: Mapped[Minor]
    remainder_minor: Mapped[Minor] = mapped_column(default=0)
    remainder: Mapped[Bytes32 | None]
    closed: Mapped[bool]
    block: Mapped[int]


class ReversalRow(Projection):
    """That the bank took money back: of a credit, or by a debit of its own for which nothing stands."""

    __tablename__ = "chain_reversal"
    id: Mapped[Minor] = mapped_column(primary_key=True, autoincrement=False)
    reference: Mapped[Bytes32]
    tree: Mapped[Bytes32] = mapped_column(index=True)
    amount_minor: Mapped[Minor]
    info: Mapped[Bytes32]
    block: Mapped[int]


class CustodyRow(Projection):
    """A custody line, its account, and the line its money goes back to; zero for a lot's."""

    __tablename__ = "chain_custody"
    custody: Mapped[Bytes32] = mapped_column(primary_key=True)
    account: Mapped[Bytes32]
    home: Mapped[Bytes32]


class MapRow(Projection):
    """One map: an interval of a line laid onto the end of another."""

    __tablename__ = "chain_map"
    id: Mapped[Minor] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[int]
    source: Mapped[Bytes32]
    source_start: Mapped[Minor]
    destination: Mapped[Bytes32]
    destination_start: Mapped[Minor]
    amount_minor: Mapped[Minor]
    info: Mapped[Bytes32]
    block: Mapped[int]
    transaction: Mapped[Bytes32]
    __table_args__ = (
        Index("ix_chain_map_into", "destination", "destination_start"),
        Index("ix_chain_map_out_of", "source", "source_start"),
    )


class DyeClassRow(Projection):
    """A dye class that money got, when it arrived on an account or was sorted there."""

    __tablename__ = "chain_dye_class"
    dye_class: Mapped[Bytes32] = mapped_column(primary_key=True)


class AgreementRow(Projection):
    """An agreement made by the factory, with its terms in force; `version` is 0 before activation, `adopted`
    the block in which the last terms replaced those before."""

    __tablename__ = "chain_agreement"
    address: Mapped[str] = mapped_column(primary_key=True)
    template: Mapped[Bytes32]
    account: Mapped[Bytes32] = mapped_column(index=True)
    arguments: Mapped[Bytes32]
    file: Mapped[Bytes32]
    results: Mapped[Bytes32]
    active: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(default=0)
    adopted: Mapped[int | None]
    state: Mapped[int] = mapped_column(default=1)
    block: Mapped[int]


class BatchRow(Projection):
    """A reserved batch. `end` is where it ends: `count` until a release lowers it."""

    __tablename__ = "chain_batch"
    batch: Mapped[Bytes32] = mapped_column(primary_key=True)
    agreement: Mapped[str] = mapped_column(index=True)
    account: Mapped[Bytes32]
    source: Mapped[Bytes32]
    root: Mapped[Bytes32]
    count: Mapped[int]
    total_minor: Mapped[Minor]
    deadline: Mapped[Minor]
    cursor: Mapped[int] = mapped_column(default=0)
    position: Mapped[Minor] = mapped_column(default=0)
    end: Mapped[int]
    settled: Mapped[bool] = mapped_column(default=False, index=True)
    settled_minor: Mapped[Minor] = mapped_column(default=0)
    cancelled_by: Mapped[str | None]
    block: Mapped[int]


class ChunkRow(Projection):
    """An executed chunk: what the bridge turns into one payment order."""

    __tablename__ = "chain_chunk"
    batch: Mapped[Bytes32] = mapped_column(primary_key=True)
    first_row: Mapped[int] = mapped_column(primary_key=True)
    end_row: Mapped[int]
    start: Mapped[Minor]
    end: Mapped[Minor]
    refused: Mapped[str]
    block: Mapped[int]
    transaction: Mapped[Bytes32]


class GoneRow(Projection):
    """A row of which nothing is left to return: skipped, returned, or returned late."""

    __tablename__ = "chain_gone"
    batch: Mapped[Bytes32] = mapped_column(primary_key=True)
    row: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    block: Mapped[int]


class ReturnRow(Projection):
    """One way back of a row or of a part of it; the reference is of the credit that brought it, if any."""

    __tablename__ = "chain_return"
    id: Mapped[Minor] = mapped_column(primary_key=True, autoincrement=False)
    batch: Mapped[Bytes32] = mapped_column(index=True)
    row: Mapped[int]
    amount_minor: Mapped[Minor]
    late: Mapped[bool]
    reference: Mapped[Bytes32 | None]
    block: Mapped[int]


class GaveBackRow(Projection):
    """That something of a batch went back: a row, or a part of it, returned; `row` is empty where rows were
    skipped or the tail released."""

    __tablename__ = "chain_gave_back"
    id: Mapped[Minor] = mapped_column(primary_key=True, autoincrement=False)
    batch: Mapped[Bytes32]
    row: Mapped[int | None]


class RefusalRow(Projection):
    """Why a row was skipped."""

    __tablename__ = "chain_refusal"
    batch: Mapped[Bytes32] = mapped_column(primary_key=True)
    row: Mapped[int] = mapped_column(primary_key=True)
    clause: Mapped[int]
    guard: Mapped[int]
    code: Mapped[str]
    limit: Mapped[str]
    observed: Mapped[str]


class ApprovalRow(Projection):
    """An approval that was given, and when it was revoked."""

    __tablename__ = "chain_approval"
    batch: Mapped[Bytes32] = mapped_column(primary_key=True)
    supervisor: Mapped[str] = mapped_column(primary_key=True)
    institution: Mapped[Bytes32]
    revoked: Mapped[int | None]
    block: Mapped[int]


class EvidenceRow(Projection):
    """Evidence that was attested."""

    __tablename__ = "chain_evidence"
    id: Mapped[Minor] = mapped_column(primary_key=True, autoincrement=False)
    batch: Mapped[Bytes32]
    kind: Mapped[Bytes32]
    witness: Mapped[str]
    digest: Mapped[Bytes32]
    observed_at: Mapped[Minor]
    block: Mapped[int]


class WaiverRow(Projection):
    """A clause that the quorum waived for one batch of an account."""

    __tablename__ = "chain_waiver"
    id: Mapped[Minor] = mapped_column(primary_key=True, autoincrement=False)
    account: Mapped[Bytes32]
    batch: Mapped[Bytes32] = mapped_column(index=True)
    terms: Mapped[Bytes32]
    clause: Mapped[int]
    expires_at: Mapped[Minor]
    block: Mapped[int]


class RegisteredRow(Projection):
    """A document that counts once in the whole network, and what is spoken for of it."""

    __tablename__ = "chain_document"
    document: Mapped[Bytes32] = mapped_column(primary_key=True)
    agreement: Mapped[str]
    kind: Mapped[Bytes32]
    holder: Mapped[Bytes32]
    payee: Mapped[Minor]
    amount_minor: Mapped[Minor]
    used_minor: Mapped[Minor] = mapped_column(default=0)
    block: Mapped[int]


class DecisionRow(Projection):
    """That a signature decided an act; the digest is what was signed."""

    __tablename__ = "chain_decision"
    id: Mapped[Minor] = mapped_column(primary_key=True, autoincrement=False)
    signer: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[Bytes32]
    block: Mapped[int]


class CountersignatureRow(Projection):
    """A counter-signature of a batch."""

    __tablename__ = "chain_countersignature"
    id: Mapped[Minor] = mapped_column(primary_key=True, autoincrement=False)
    batch: Mapped[Bytes32] = mapped_column(index=True)
    operator: Mapped[str]
    institution: Mapped[Bytes32]
    block: Mapped[int]


class RosterSetRow(Projection):
    """A version of an agreement's roster."""

    __tablename__ = "chain_roster"
    agreement: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    size: Mapped[int]
    root: Mapped[Bytes32]
    block: Mapped[int]


class BlockedRow(Projection):
    """A payee who was blocked, or let in again; the latest counts."""

    __tablename__ = "chain_blocked"
    id: Mapped[Minor] = mapped_column(primary_key=True, autoincrement=False)
    agreement: Mapped[str] = mapped_column(index=True)
    payee: Mapped[int]
    blocked: Mapped[bool]
    block: Mapped[int]


class UnstoredRow(Projection):
    """A log that no table takes, such as a number beyond its column: kept apart, so that the next is read.

    `content` is what it says, as text; `reason` names what was wrong with it.
    """

    __tablename__ = "chain_unstored"
    id: Mapped[Minor] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]
    address: Mapped[str]
    content: Mapped[str]
    reason: Mapped[str]
    block: Mapped[int]
    transaction: Mapped[Bytes32]


PROJECTIONS = (
    BlockRow,
    InstitutionRow,
    AnnouncementRow,
    SignerRow,
    QuorumRow,
    QuorumMemberRow,
    TreeRow,
    AccountRow,
    GrantRow,
    PauseRow,
    AttestedRow,
    LotRow,
    ReferenceRow,
    ReversalRow,
    CustodyRow,
    MapRow,
    DyeClassRow,
    AgreementRow,
    BatchRow,
    ChunkRow,
    GoneRow,
    GaveBackRow,
    ReturnRow,
    RefusalRow,
    ApprovalRow,
    EvidenceRow,
    WaiverRow,
    RegisteredRow,
    DecisionRow,
    CountersignatureRow,
    RosterSetRow,
    BlockedRow,
    UnstoredRow,
)
