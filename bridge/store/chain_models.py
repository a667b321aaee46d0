"""Projections of the chain. Every row can be rebuilt from the logs alone (I9)."""

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from bridge.store.base import Bytes32, Minor, Projection

__all__ = [
    "PROJECTIONS",
    "AccountRow",
    "AgreementRow",
    "ApprovalRow",
    "BatchRow",
    "BlockRow",
    "ChunkRow",
    "EvidenceRow",
    "GoneRow",
    "InstitutionRow",
    "LotRow",
    "MapRow",
    "QuorumMemberRow",
    "QuorumRow",
    "SignerRow",
    "TreeRow",
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


class SignerRow(Projection):
    """A signer; `roles` is zero when suspended."""

    __tablename__ = "chain_signer"
    address: Mapped[str] = mapped_column(primary_key=True)
    institution: Mapped[Bytes32]
    roles: Mapped[int]
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
    """A supervised account and its totals, minor units."""

    __tablename__ = "chain_tree"
    tree: Mapped[Bytes32] = mapped_column(primary_key=True)
    bank: Mapped[Bytes32]
    quorum: Mapped[Bytes32]
    currency: Mapped[str]


class AccountRow(Projection):
    """A ledger account."""

    __tablename__ = "chain_account"
    account: Mapped[Bytes32] = mapped_column(primary_key=True)
    parent: Mapped[Bytes32]
    tree: Mapped[Bytes32] = mapped_column(index=True)
    controller: Mapped[Bytes32]
    frozen: Mapped[bool] = mapped_column(default=False)


class LotRow(Projection):
    """A lot: what one bank credit minted."""

    __tablename__ = "chain_lot"
    line: Mapped[Bytes32] = mapped_column(primary_key=True)
    reference: Mapped[Bytes32] = mapped_column(unique=True)
    tree: Mapped[Bytes32] = mapped_column(index=True)
    amount_minor: Mapped[Minor]
    info: Mapped[Bytes32]
    block: Mapped[int]


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


class AgreementRow(Projection):
    """An agreement made by the factory."""

    __tablename__ = "chain_agreement"
    address: Mapped[str] = mapped_column(primary_key=True)
    template: Mapped[Bytes32]
    account: Mapped[Bytes32] = mapped_column(index=True)
    arguments: Mapped[Bytes32]
    file: Mapped[Bytes32]
    results: Mapped[Bytes32]
    active: Mapped[bool] = mapped_column(default=False)
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
    """A row that went back: skipped, returned, or returned late."""

    __tablename__ = "chain_gone"
    batch: Mapped[Bytes32] = mapped_column(primary_key=True)
    row: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    amount_minor: Mapped[Minor | None]
    reference: Mapped[Bytes32 | None]
    block: Mapped[int]


class ApprovalRow(Projection):
    """An approval that was given."""

    __tablename__ = "chain_approval"
    batch: Mapped[Bytes32] = mapped_column(primary_key=True)
    supervisor: Mapped[str] = mapped_column(primary_key=True)
    institution: Mapped[Bytes32]
    block: Mapped[int]


class EvidenceRow(Projection):
    """Evidence that was attested."""

    __tablename__ = "chain_evidence"
    id: Mapped[Minor] = mapped_column(primary_key=True, autoincrement=False)
    batch: Mapped[Bytes32]
    kind: Mapped[Bytes32]
    witness: Mapped[str]
    digest: Mapped[Bytes32]
    block: Mapped[int]


PROJECTIONS = (
    BlockRow,
    InstitutionRow,
    SignerRow,
    QuorumRow,
    QuorumMemberRow,
    TreeRow,
    AccountRow,
    LotRow,
    MapRow,
    AgreementRow,
    BatchRow,
    ChunkRow,
    GoneRow,
    ApprovalRow,
    EvidenceRow,
)
