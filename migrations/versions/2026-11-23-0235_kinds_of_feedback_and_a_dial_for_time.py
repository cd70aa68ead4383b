"""Note the kind of feedback, the dial for time of decisions and keys, and which keys are an administrator's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261123_feedback_kinds"
down_revision = "20261123_judge_kinds"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("feedback", sa.Column("kind", sa.Text(), nullable=False, server_default=sa.text("'score'")))
    op.add_column("decisions", sa.Column("value_s", sa.Double(), nullable=True))
    op.add_column("keys", sa.Column("value_s", sa.Double(), nullable=True))
    op.add_column("keys", sa.Column("admin", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    for table, column in (("keys", "admin"), ("keys", "value_s"), ("decisions", "value_s"), ("feedback", "kind")):
        op.drop_column(table, column)
