"""What of batches went back, in the order in which it did."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Of what went back before, the returns are filled in: the rest was given back as it happened."""
    gave_back = op.create_table(
        "chain_gave_back",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("batch", sa.LargeBinary(length=32), nullable=False),
        sa.Column("row", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chain_gave_back")),
    )
    names = ("id", "batch", "row")
    returned = sa.table("chain_return", *(sa.column(name) for name in names))
    rows = sa.select(*(returned.c[name] for name in names))
    op.execute(sa.insert(gave_back).from_select(list(names), rows))


def downgrade() -> None:
    """Take back."""
    op.drop_table("chain_gave_back")
