"""A ready document has a notice if a part of it couldn't be read."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("documents", sa.Column("notice", sa.Text))
