"""A conversation belongs to a collection. Before, all collections of a database showed it.

If the database has only one collection, the conversations belong to it. If it has several, the right one is unknown:
NULL shows a conversation in all of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

conversations = sa.table("conversations", sa.column("collection"))


def upgrade() -> None:
    connection = op.get_bind()
    op.add_column("conversations", sa.Column("collection", sa.String(255)))
    # A collection without a recorded model may have documents all the same.
    collections = sa.union(
        sa.select(sa.column("name", sa.String)).select_from(sa.table("collections")),
        sa.select(sa.column("collection", sa.String)).select_from(sa.table("documents")),
    )
    names = connection.scalars(collections).all()
    if len(names) == 1:
        connection.execute(sa.update(conversations).values(collection=names[0]))
