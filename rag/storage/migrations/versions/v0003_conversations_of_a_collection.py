"""A conversation belongs to a collection; before, all collections of a database showed it.

Where only one collection is known, it is that one's. Of several nobody can say which, and NULL shows it in all of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

conversations = sa.table("conversations", sa.column("collection"))


def upgrade() -> None:
    connection = op.get_bind()
    op.add_column("conversations", sa.Column("collection", sa.String(255)))
    # One that has no model on record yet may have documents all the same.
    known = sa.union(
        sa.select(sa.column("name", sa.String)).select_from(sa.table("collections")),
        sa.select(sa.column("collection", sa.String)).select_from(sa.table("documents")),
    )
    names = connection.scalars(known).all()
    if len(names) == 1:
        connection.execute(sa.update(conversations).values(collection=names[0]))
