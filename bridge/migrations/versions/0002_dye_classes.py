"""The dye classes that money has, whoever gave them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

IDENTIFY, SORT = 1, 11
"""The kinds of map whose information is the class that the money gets."""


def upgrade() -> None:
    """Apply; what the maps of before say is filled in."""
    classes = op.create_table(
        "chain_dye_class",
        sa.Column("dye_class", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("dye_class", name=op.f("pk_chain_dye_class")),
    )
    maps = sa.table("chain_map", sa.column("kind", sa.Integer), sa.column("info", sa.LargeBinary))
    used = sa.select(maps.c.info).where(maps.c.kind.in_((IDENTIFY, SORT))).distinct()
    op.execute(sa.insert(classes).from_select(["dye_class"], used))


def downgrade() -> None:
    """Take back."""
    op.drop_table("chain_dye_class")
