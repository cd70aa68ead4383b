"""Note with each verdict why a judge said nothing, which model graded, by which prompt, and if it was its own kind."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261123_judge_kinds"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("judgements", sa.Column("skipped", sa.Text(), nullable=True))
    op.add_column("judgements", sa.Column("grader", sa.Text(), nullable=False, server_default=""))
    op.add_column("judgements", sa.Column("prompt", sa.Text(), nullable=False, server_default=""))
    op.add_column("judgements", sa.Column("own_family", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    for column in ("own_family", "prompt", "grader", "skipped"):
        op.drop_column("judgements", column)
