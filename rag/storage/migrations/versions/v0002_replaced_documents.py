"""A pending document lists the documents that it replaces. Before, a flag said whether it replaces its namesakes."""

from collections import defaultdict

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

documents = sa.table(
    "documents", *map(sa.column, ("address", "collection", "doc_id", "file_name", "state", "replaces"))
)


def upgrade() -> None:
    connection = op.get_bind()
    types = {column["name"]: column["type"] for column in sa.inspect(connection).get_columns("documents")}
    if not isinstance(types["replaces"], sa.Boolean):
        return  # a release made this table that had this change, but no numbers of tables yet
    # As text: a release that had this change may have used the old table, and SQLite stores ids in a column of flags.
    columns = [*documents.c[:-1], sa.cast(documents.c.replaces, sa.Text).label("replaces")]
    rows = connection.execute(sa.select(*columns)).all()
    ready = defaultdict(list)
    for row in rows:
        if row.state == "ready":
            ready[row.address, row.collection, row.file_name].append(row.doc_id)
    with op.batch_alter_table("documents") as batch:
        batch.alter_column(
            "replaces", type_=sa.Text(), existing_type=sa.Boolean(), existing_nullable=False, postgresql_using="''"
        )
    connection.execute(sa.update(documents).values(replaces=""))
    for row in rows:
        if row.state == "pending" and row.replaces not in {"", "0", "false"}:
            namesakes = [other for other in ready[row.address, row.collection, row.file_name] if other != row.doc_id]
            ids = " ".join(namesakes) if row.replaces in {"1", "true"} else row.replaces
            key = (documents.c[name] == getattr(row, name) for name in ("address", "collection", "doc_id"))
            connection.execute(sa.update(documents).where(*key).values(replaces=ids))
