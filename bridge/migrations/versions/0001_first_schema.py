"""The first schema."""

import sqlalchemy as sa
from alembic import op

import bridge.store.base

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "agreement_file",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("template", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("dye_class", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("clause_names", sa.JSON(), nullable=False),
        sa.Column("payout_cap_minor", sa.BigInteger(), nullable=True),
        sa.Column("clears", sa.Boolean(), nullable=False),
        sa.Column("arguments", sa.LargeBinary(), nullable=False),
        sa.Column("file_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("results_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("explanation_zh", sa.String(), nullable=False),
        sa.Column("explanation_en", sa.String(), nullable=False),
        sa.Column("trial", sa.JSON(), nullable=False),
        sa.Column("created_at", bridge.store.base.UtcTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreement_file")),
    )
    with op.batch_alter_table("agreement_file", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_agreement_file_address"), ["address"], unique=False)
        batch_op.create_index(batch_op.f("ix_agreement_file_name"), ["name"], unique=False)

    op.create_table(
        "api_key",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("institution", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("created_at", bridge.store.base.UtcTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_api_key")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_key_digest")),
    )
    op.create_table(
        "attestation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("tree", sa.LargeBinary(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("movement", sa.Integer(), nullable=False),
        sa.Column("credits_minor", sa.BigInteger(), nullable=False),
        sa.Column("statement", sa.LargeBinary(length=32), nullable=False),
        sa.Column("transaction", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attestation")),
    )
    with op.batch_alter_table("attestation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_attestation_tree"), ["tree"], unique=False)

    op.create_table(
        "batch",
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("agreement", sa.String(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("deadline", sa.BigInteger(), nullable=False),
        sa.Column("dye_class", sa.String(), nullable=False),
        sa.Column("document", sa.LargeBinary(length=32), nullable=True),
        sa.Column("file_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("batch", sa.LargeBinary(length=32), nullable=True),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", bridge.store.base.UtcTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("root", name=op.f("pk_batch")),
        sa.UniqueConstraint(
            "agreement", "file_digest", "deadline", name=op.f("uq_batch_agreement_file_digest_deadline")
        ),
        sa.UniqueConstraint("batch", name=op.f("uq_batch_batch")),
    )
    with op.batch_alter_table("batch", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_batch_agreement"), ["agreement"], unique=False)

    op.create_table(
        "break",
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("tree", sa.LargeBinary(length=32), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("first_run", sa.Integer(), nullable=False),
        sa.Column("last_run", sa.Integer(), nullable=False),
        sa.Column("times_seen", sa.Integer(), nullable=False),
        sa.Column("proposed_by", sa.String(), nullable=True),
        sa.Column("confirmed_by", sa.String(), nullable=True),
        sa.Column("resolution", sa.JSON(), nullable=True),
        sa.Column("created_at", bridge.store.base.UtcTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_break")),
    )
    with op.batch_alter_table("break", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_break_state"), ["state"], unique=False)

    op.create_table(
        "chain_account",
        sa.Column("account", sa.LargeBinary(length=32), nullable=False),
        sa.Column("parent", sa.LargeBinary(length=32), nullable=False),
        sa.Column("tree", sa.LargeBinary(length=32), nullable=False),
        sa.Column("controller", sa.LargeBinary(length=32), nullable=False),
        sa.Column("frozen", sa.Boolean(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_chain_account")),
    )
    with op.batch_alter_table("chain_account", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_chain_account_tree"), ["tree"], unique=False)

    op.create_table(
        "chain_agreement",
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("template", sa.LargeBinary(length=32), nullable=False),
        sa.Column("account", sa.LargeBinary(length=32), nullable=False),
        sa.Column("arguments", sa.LargeBinary(length=32), nullable=False),
        sa.Column("file", sa.LargeBinary(length=32), nullable=False),
        sa.Column("results", sa.LargeBinary(length=32), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("adopted", sa.Integer(), nullable=True),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("address", name=op.f("pk_chain_agreement")),
    )
    with op.batch_alter_table("chain_agreement", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_chain_agreement_account"), ["account"], unique=False)

    op.create_table(
        "chain_announcement",
        sa.Column("change", sa.LargeBinary(length=32), nullable=False),
        sa.Column("nonce", sa.Integer(), nullable=False),
        sa.Column("ready_at", sa.BigInteger(), nullable=False),
        sa.Column("recovery", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("change", name=op.f("pk_chain_announcement")),
    )
    op.create_table(
        "chain_approval",
        sa.Column("batch", sa.LargeBinary(length=32), nullable=False),
        sa.Column("supervisor", sa.String(), nullable=False),
        sa.Column("institution", sa.LargeBinary(length=32), nullable=False),
        sa.Column("revoked", sa.Integer(), nullable=True),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("batch", "supervisor", name=op.f("pk_chain_approval")),
    )
    op.create_table(
        "chain_attested",
        sa.Column("tree", sa.LargeBinary(length=32), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("balance_minor", sa.BigInteger(), nullable=False),
        sa.Column("credits_minor", sa.BigInteger(), nullable=False),
        sa.Column("debits_minor", sa.BigInteger(), nullable=False),
        sa.Column("statement", sa.LargeBinary(length=32), nullable=False),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tree", "number", name=op.f("pk_chain_attested")),
    )
    op.create_table(
        "chain_batch",
        sa.Column("batch", sa.LargeBinary(length=32), nullable=False),
        sa.Column("agreement", sa.String(), nullable=False),
        sa.Column("account", sa.LargeBinary(length=32), nullable=False),
        sa.Column("source", sa.LargeBinary(length=32), nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("deadline", sa.BigInteger(), nullable=False),
        sa.Column("cursor", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.Integer(), nullable=False),
        sa.Column("settled", sa.Boolean(), nullable=False),
        sa.Column("settled_minor", sa.BigInteger(), nullable=False),
        sa.Column("cancelled_by", sa.String(), nullable=True),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("batch", name=op.f("pk_chain_batch")),
    )
    with op.batch_alter_table("chain_batch", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_chain_batch_agreement"), ["agreement"], unique=False)
        batch_op.create_index(batch_op.f("ix_chain_batch_settled"), ["settled"], unique=False)

    op.create_table(
        "chain_blocked",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("agreement", sa.String(), nullable=False),
        sa.Column("payee", sa.Integer(), nullable=False),
        sa.Column("blocked", sa.Boolean(), nullable=False),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chain_blocked")),
    )
    with op.batch_alter_table("chain_blocked", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_chain_blocked_agreement"), ["agreement"], unique=False)

    op.create_table(
        "chain_chunk",
        sa.Column("batch", sa.LargeBinary(length=32), nullable=False),
        sa.Column("first_row", sa.Integer(), nullable=False),
        sa.Column("end_row", sa.Integer(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("refused", sa.String(), nullable=False),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.Column("transaction", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("batch", "first_row", name=op.f("pk_chain_chunk")),
    )
    op.create_table(
        "chain_countersignature",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("batch", sa.LargeBinary(length=32), nullable=False),
        sa.Column("operator", sa.String(), nullable=False),
        sa.Column("institution", sa.LargeBinary(length=32), nullable=False),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chain_countersignature")),
    )
    with op.batch_alter_table("chain_countersignature", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_chain_countersignature_batch"), ["batch"], unique=False)

    op.create_table(
        "chain_cursor",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_chain_cursor")),
    )
    op.create_table(
        "chain_custody",
        sa.Column("custody", sa.LargeBinary(length=32), nullable=False),
        sa.Column("account", sa.LargeBinary(length=32), nullable=False),
        sa.Column("home", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("custody", name=op.f("pk_chain_custody")),
    )
    op.create_table(
        "chain_decision",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("signer", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", "signer", name=op.f("pk_chain_decision")),
    )
    op.create_table(
        "chain_document",
        sa.Column("document", sa.LargeBinary(length=32), nullable=False),
        sa.Column("agreement", sa.String(), nullable=False),
        sa.Column("kind", sa.LargeBinary(length=32), nullable=False),
        sa.Column("holder", sa.LargeBinary(length=32), nullable=False),
        sa.Column("payee", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("used_minor", sa.BigInteger(), nullable=False),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("document", name=op.f("pk_chain_document")),
    )
    op.create_table(
        "chain_evidence",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("batch", sa.LargeBinary(length=32), nullable=False),
        sa.Column("kind", sa.LargeBinary(length=32), nullable=False),
        sa.Column("witness", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("observed_at", sa.BigInteger(), nullable=False),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chain_evidence")),
    )
    op.create_table(
        "chain_gone",
        sa.Column("batch", sa.LargeBinary(length=32), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("batch", "row", name=op.f("pk_chain_gone")),
    )
    op.create_table(
        "chain_grant",
        sa.Column("account", sa.LargeBinary(length=32), nullable=False),
        sa.Column("agreement", sa.String(), nullable=False),
        sa.Column("granted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("account", "agreement", name=op.f("pk_chain_grant")),
    )
    op.create_table(
        "chain_institution",
        sa.Column("institution", sa.LargeBinary(length=32), nullable=False),
        sa.Column("kind", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("institution", name=op.f("pk_chain_institution")),
    )
    op.create_table(
        "chain_lot",
        sa.Column("line", sa.LargeBinary(length=32), nullable=False),
        sa.Column("reference", sa.LargeBinary(length=32), nullable=False),
        sa.Column("tree", sa.LargeBinary(length=32), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("info", sa.LargeBinary(length=32), nullable=False),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("line", name=op.f("pk_chain_lot")),
        sa.UniqueConstraint("reference", name=op.f("uq_chain_lot_reference")),
    )
    with op.batch_alter_table("chain_lot", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_chain_lot_tree"), ["tree"], unique=False)

    op.create_table(
        "chain_map",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Integer(), nullable=False),
        sa.Column("source", sa.LargeBinary(length=32), nullable=False),
        sa.Column("source_start", sa.BigInteger(), nullable=False),
        sa.Column("destination", sa.LargeBinary(length=32), nullable=False),
        sa.Column("destination_start", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("info", sa.LargeBinary(length=32), nullable=False),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.Column("transaction", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chain_map")),
    )
    with op.batch_alter_table("chain_map", schema=None) as batch_op:
        batch_op.create_index("ix_chain_map_into", ["destination", "destination_start"], unique=False)
        batch_op.create_index("ix_chain_map_out_of", ["source", "source_start"], unique=False)

    op.create_table(
        "chain_pause",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chain_pause")),
    )
    op.create_table(
        "chain_quorum",
        sa.Column("quorum", sa.LargeBinary(length=32), nullable=False),
        sa.Column("threshold", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("quorum", name=op.f("pk_chain_quorum")),
    )
    op.create_table(
        "chain_quorum_member",
        sa.Column("quorum", sa.LargeBinary(length=32), nullable=False),
        sa.Column("institution", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("quorum", "institution", name=op.f("pk_chain_quorum_member")),
    )
    op.create_table(
        "chain_reference",
        sa.Column("reference", sa.LargeBinary(length=32), nullable=False),
        sa.Column("tree", sa.LargeBinary(length=32), nullable=False),
        sa.Column("opened_minor", sa.BigInteger(), nullable=False),
        sa.Column("remainder_minor", sa.BigInteger(), nullable=False),
        sa.Column("remainder", sa.LargeBinary(length=32), nullable=True),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("reference", name=op.f("pk_chain_reference")),
    )
    op.create_table(
        "chain_refusal",
        sa.Column("batch", sa.LargeBinary(length=32), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("clause", sa.Integer(), nullable=False),
        sa.Column("guard", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("limit", sa.String(), nullable=False),
        sa.Column("observed", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("batch", "row", name=op.f("pk_chain_refusal")),
    )
    op.create_table(
        "chain_return",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("batch", sa.LargeBinary(length=32), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("reference", sa.LargeBinary(length=32), nullable=True),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chain_return")),
    )
    with op.batch_alter_table("chain_return", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_chain_return_batch"), ["batch"], unique=False)

    op.create_table(
        "chain_reversal",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reference", sa.LargeBinary(length=32), nullable=False),
        sa.Column("tree", sa.LargeBinary(length=32), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("info", sa.LargeBinary(length=32), nullable=False),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chain_reversal")),
    )
    with op.batch_alter_table("chain_reversal", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_chain_reversal_tree"), ["tree"], unique=False)

    op.create_table(
        "chain_roster",
        sa.Column("agreement", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("agreement", "version", name=op.f("pk_chain_roster")),
    )
    op.create_table(
        "chain_signer",
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("institution", sa.LargeBinary(length=32), nullable=False),
        sa.Column("roles", sa.Integer(), nullable=False),
        sa.Column("successor", sa.String(), nullable=True),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("address", name=op.f("pk_chain_signer")),
    )
    op.create_table(
        "chain_tree",
        sa.Column("tree", sa.LargeBinary(length=32), nullable=False),
        sa.Column("bank", sa.LargeBinary(length=32), nullable=False),
        sa.Column("quorum", sa.LargeBinary(length=32), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("attested_minor", sa.BigInteger(), nullable=False),
        sa.Column("shortfall_minor", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tree", name=op.f("pk_chain_tree")),
    )
    op.create_table(
        "chain_unstored",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.Column("transaction", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chain_unstored")),
    )
    op.create_table(
        "chain_waiver",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("account", sa.LargeBinary(length=32), nullable=False),
        sa.Column("batch", sa.LargeBinary(length=32), nullable=False),
        sa.Column("terms", sa.LargeBinary(length=32), nullable=False),
        sa.Column("clause", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chain_waiver")),
    )
    with op.batch_alter_table("chain_waiver", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_chain_waiver_batch"), ["batch"], unique=False)

    op.create_table(
        "credit",
        sa.Column("movement", sa.Integer(), nullable=False),
        sa.Column("tree", sa.LargeBinary(length=32), nullable=False),
        sa.Column("reference", sa.LargeBinary(length=32), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("rule", sa.Integer(), nullable=True),
        sa.Column("account", sa.String(), nullable=True),
        sa.Column("dye_class", sa.String(), nullable=True),
        sa.Column("purpose", sa.String(), nullable=True),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("info", sa.LargeBinary(length=32), nullable=False),
        sa.Column("transaction", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("movement", name=op.f("pk_credit")),
        sa.UniqueConstraint("reference", name=op.f("uq_credit_reference")),
    )
    op.create_table(
        "directory_change",
        sa.Column("nonce", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("queued", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("nonce", name=op.f("pk_directory_change")),
    )
    op.create_table(
        "document",
        sa.Column("commitment", sa.LargeBinary(length=32), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("commitment", name=op.f("pk_document")),
    )
    op.create_table(
        "message",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("bank_key", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("refusal_code", sa.String(), nullable=True),
        sa.Column("refusal", sa.String(), nullable=True),
        sa.Column("received_at", bridge.store.base.UtcTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sa.UniqueConstraint("bank_key", name=op.f("uq_message_bank_key")),
    )
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_message_digest"), ["digest"], unique=False)
        batch_op.create_index(batch_op.f("ix_message_state"), ["state"], unique=False)

    op.create_table(
        "movement",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("tree", sa.LargeBinary(length=32), nullable=False),
        sa.Column("bank_reference", sa.String(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("reversal", sa.Boolean(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("booking_date", sa.Date(), nullable=True),
        sa.Column("value_date", sa.Date(), nullable=True),
        sa.Column("end_to_end_id", sa.String(), nullable=True),
        sa.Column("returned_end_to_end_id", sa.String(), nullable=True),
        sa.Column("return_reason", sa.String(), nullable=True),
        sa.Column("counterparty_name", sa.String(), nullable=True),
        sa.Column("counterparty_account", sa.String(), nullable=True),
        sa.Column("remittance", sa.String(), nullable=True),
        sa.Column("applied", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", bridge.store.base.UtcTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_movement")),
        sa.UniqueConstraint("tree", "bank_reference", name=op.f("uq_movement_tree_bank_reference")),
    )
    with op.batch_alter_table("movement", schema=None) as batch_op:
        batch_op.create_index("ix_movement_applied_attempts", ["applied", "attempts"], unique=False)
        batch_op.create_index(batch_op.f("ix_movement_end_to_end_id"), ["end_to_end_id"], unique=False)

    op.create_table(
        "name",
        sa.Column("id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_name")),
        sa.UniqueConstraint("name", name=op.f("uq_name_name")),
    )
    op.create_table(
        "payment_order",
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("first_row", sa.Integer(), nullable=False),
        sa.Column("end_row", sa.Integer(), nullable=False),
        sa.Column("execution_date", sa.Date(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("duplicates", sa.Integer(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", bridge.store.base.UtcTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_payment_order")),
        sa.UniqueConstraint("root", "first_row", name=op.f("uq_payment_order_root_first_row")),
    )
    with op.batch_alter_table("payment_order", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_payment_order_state"), ["state"], unique=False)

    op.create_table(
        "payout",
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("roster_index", sa.Integer(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("info", sa.LargeBinary(length=32), nullable=False),
        sa.Column("customer_reference", sa.String(), nullable=False),
        sa.Column("payee_name", sa.String(), nullable=False),
        sa.Column("payee_account", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("end_to_end_id", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("returned_minor", sa.BigInteger(), nullable=False),
        sa.Column("movement", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("root", "row", name=op.f("pk_payout")),
        sa.UniqueConstraint("end_to_end_id", name=op.f("uq_payout_end_to_end_id")),
    )
    with op.batch_alter_table("payout", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_payout_customer_reference"), ["customer_reference"], unique=False
        )
        batch_op.create_index("ix_payout_root_state", ["root", "state"], unique=False)

    op.create_table(
        "roster",
        sa.Column("agreement", sa.String(), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("agreement", "index", name=op.f("pk_roster")),
        sa.UniqueConstraint("agreement", "account", name=op.f("uq_roster_agreement_account")),
    )
    op.create_table(
        "rule",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("tree", sa.LargeBinary(length=32), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("payer_name", sa.String(), nullable=True),
        sa.Column("payer_account", sa.String(), nullable=True),
        sa.Column("remittance_contains", sa.String(), nullable=True),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("dye_class", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule")),
        sa.UniqueConstraint("tree", "priority", name=op.f("uq_rule_tree_priority")),
    )
    with op.batch_alter_table("rule", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rule_tree"), ["tree"], unique=False)

    op.create_table(
        "run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("tree", sa.LargeBinary(length=32), nullable=False),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.Column("statement", sa.Integer(), nullable=True),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("created_at", bridge.store.base.UtcTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
    )
    op.create_table(
        "setting",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_setting")),
    )
    op.create_table(
        "sighting",
        sa.Column("movement", sa.Integer(), nullable=False),
        sa.Column("message", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("statement", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("movement", "message", name=op.f("pk_sighting")),
    )
    op.create_table(
        "statement",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("tree", sa.LargeBinary(length=32), nullable=False),
        sa.Column("message", sa.Integer(), nullable=False),
        sa.Column("report_id", sa.String(), nullable=False),
        sa.Column("sequence_number", sa.Integer(), nullable=True),
        sa.Column("from_date", sa.Date(), nullable=False),
        sa.Column("to_date", sa.Date(), nullable=False),
        sa.Column("opening_minor", sa.BigInteger(), nullable=False),
        sa.Column("closing_minor", sa.BigInteger(), nullable=False),
        sa.Column("entry_sum_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement")),
        sa.UniqueConstraint("tree", "report_id", "to_date", name=op.f("uq_statement_tree_report_id_to_date")),
    )
    op.create_table(
        "supervised_account",
        sa.Column("tree", sa.LargeBinary(length=32), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("bank", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("is_iban", sa.Boolean(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("opening_minor", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tree", name=op.f("pk_supervised_account")),
        sa.UniqueConstraint("name", name=op.f("uq_supervised_account_name")),
        sa.UniqueConstraint("number", name=op.f("uq_supervised_account_number")),
    )
    op.create_table(
        "task",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("created_at", bridge.store.base.UtcTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task")),
        sa.UniqueConstraint("kind", "subject", name=op.f("uq_task_kind_subject")),
    )
    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_task_open"), ["open"], unique=False)

    op.create_table(
        "transaction",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("to", sa.String(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("nonce", sa.Integer(), nullable=True),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=True),
        sa.Column("block", sa.Integer(), nullable=True),
        sa.Column("error_code", sa.String(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("created_at", bridge.store.base.UtcTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transaction")),
        sa.UniqueConstraint("key", name=op.f("uq_transaction_key")),
        sa.UniqueConstraint("nonce", name=op.f("uq_transaction_nonce")),
    )
    with op.batch_alter_table("transaction", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_transaction_state"), ["state"], unique=False)


def downgrade() -> None:
    """Undo."""
    with op.batch_alter_table("transaction", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_transaction_state"))

    op.drop_table("transaction")
    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_task_open"))

    op.drop_table("task")
    op.drop_table("supervised_account")
    op.drop_table("statement")
    op.drop_table("sighting")
    op.drop_table("setting")
    op.drop_table("run")
    with op.batch_alter_table("rule", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_rule_tree"))

    op.drop_table("rule")
    op.drop_table("roster")
    with op.batch_alter_table("payout", schema=None) as batch_op:
        batch_op.drop_index("ix_payout_root_state")
        batch_op.drop_index(batch_op.f("ix_payout_customer_reference"))

    op.drop_table("payout")
    with op.batch_alter_table("payment_order", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_payment_order_state"))

    op.drop_table("payment_order")
    op.drop_table("name")
    with op.batch_alter_table("movement", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_movement_end_to_end_id"))
        batch_op.drop_index("ix_movement_applied_attempts")

    op.drop_table("movement")
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_message_state"))
        batch_op.drop_index(batch_op.f("ix_message_digest"))

    op.drop_table("message")
    op.drop_table("document")
    op.drop_table("directory_change")
    op.drop_table("credit")
    with op.batch_alter_table("chain_waiver", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_chain_waiver_batch"))

    op.drop_table("chain_waiver")
    op.drop_table("chain_unstored")
    op.drop_table("chain_tree")
    op.drop_table("chain_signer")
    op.drop_table("chain_roster")
    with op.batch_alter_table("chain_reversal", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_chain_reversal_tree"))

    op.drop_table("chain_reversal")
    with op.batch_alter_table("chain_return", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_chain_return_batch"))

    op.drop_table("chain_return")
    op.drop_table("chain_refusal")
    op.drop_table("chain_reference")
    op.drop_table("chain_quorum_member")
    op.drop_table("chain_quorum")
    op.drop_table("chain_pause")
    with op.batch_alter_table("chain_map", schema=None) as batch_op:
        batch_op.drop_index("ix_chain_map_out_of")
        batch_op.drop_index("ix_chain_map_into")

    op.drop_table("chain_map")
    with op.batch_alter_table("chain_lot", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_chain_lot_tree"))

    op.drop_table("chain_lot")
    op.drop_table("chain_institution")
    op.drop_table("chain_grant")
    op.drop_table("chain_gone")
    op.drop_table("chain_evidence")
    op.drop_table("chain_document")
    op.drop_table("chain_decision")
    op.drop_table("chain_custody")
    op.drop_table("chain_cursor")
    with op.batch_alter_table("chain_countersignature", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_chain_countersignature_batch"))

    op.drop_table("chain_countersignature")
    op.drop_table("chain_chunk")
    with op.batch_alter_table("chain_blocked", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_chain_blocked_agreement"))

    op.drop_table("chain_blocked")
    with op.batch_alter_table("chain_batch", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_chain_batch_settled"))
        batch_op.drop_index(batch_op.f("ix_chain_batch_agreement"))

    op.drop_table("chain_batch")
    op.drop_table("chain_attested")
    op.drop_table("chain_approval")
    op.drop_table("chain_announcement")
    with op.batch_alter_table("chain_agreement", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_chain_agreement_account"))

    op.drop_table("chain_agreement")
    with op.batch_alter_table("chain_account", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_chain_account_tree"))

    op.drop_table("chain_account")
    with op.batch_alter_table("break", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_break_state"))

    op.drop_table("break")
    with op.batch_alter_table("batch", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_batch_agreement"))

    op.drop_table("batch")
    with op.batch_alter_table("attestation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_attestation_tree"))

    op.drop_table("attestation")
    op.drop_table("api_key")
    with op.batch_alter_table("agreement_file", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_agreement_file_name"))
        batch_op.drop_index(batch_op.f("ix_agreement_file_address"))

    op.drop_table("agreement_file")
