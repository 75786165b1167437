"""An index finds documents by their state. A ready document no longer lists the documents that it has replaced."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

documents = sa.table("documents", *map(sa.column, ("state", "replaces")))


def upgrade() -> None:
    op.create_index("documents_by_state", "documents", ["address", "collection", "state"])
    op.execute(sa.update(documents).where(documents.c.state == "ready").values(replaces=""))
