"""Keep which version of a model answered, and let the journal say when a model changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261123_versions_of_models"
down_revision = "20261123_serving"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attempts", sa.Column("provider_model", sa.Text(), nullable=False, server_default=""))
    op.add_column("attempts", sa.Column("system_fingerprint", sa.Text(), nullable=True))
    op.add_column("journal", sa.Column("model", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("journal", "model")
    op.drop_column("attempts", "system_fingerprint")
    op.drop_column("attempts", "provider_model")
