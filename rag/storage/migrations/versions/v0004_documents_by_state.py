"""Documents are found by their state without looking at all; one that is ready replaces no others any more."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

documents = sa.table("documents", *map(sa.column, ("state", "replaces")))


def upgrade() -> None:
    op.create_index("documents_by_state", "documents", ["address", "collection", "state"])
    op.execute(sa.update(documents).where(documents.c.state == "ready").values(replaces=""))
