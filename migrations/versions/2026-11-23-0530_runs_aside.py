"""Tell decisions made beside users' requests from those made for users."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261123_aside"
down_revision = "20261123_shadow_arms"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("decisions", sa.Column("kind", sa.Text(), nullable=False, server_default=sa.text("'served'")))
    op.add_column("decisions", sa.Column("parent", sa.Text(), nullable=True))
    aside = sa.text("kind != 'served'")
    op.create_index("ix_decisions_aside", "decisions", ["created_at"], sqlite_where=aside, postgresql_where=aside)


def downgrade() -> None:
    op.drop_index("ix_decisions_aside", "decisions")
    op.drop_column("decisions", "parent")
    op.drop_column("decisions", "kind")
