"""The tables of the first release.

Releases before 0002 didn't number their tables. So the tables may exist already, in the form of 0001 or 0002; or only
some of them, if the first start was cut short.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import CreateIndex, CreateTable

from rag.errors import CatalogError

revision = "0001"
down_revision = None

tables = sa.MetaData()

sa.Table(
    "collections",
    tables,
    sa.Column("address", sa.String(700), primary_key=True),
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("asked_model", sa.String(1000), nullable=False),
    sa.Column("model", sa.String(1000), nullable=False),
    sa.Column("fingerprint", sa.String(1000), nullable=False),
)

sa.Table(
    "documents",
    tables,
    sa.Column("address", sa.String(700), primary_key=True),
    sa.Column("collection", sa.String(255), primary_key=True),
    sa.Column("doc_id", sa.String(64), primary_key=True),
    sa.Column("file_name", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("pages", sa.Integer, nullable=False),
    sa.Column("chunks", sa.Integer, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("error", sa.Text),
    sa.Column("added_at", sa.DateTime, nullable=False),
    sa.Column("replaces", sa.Boolean, nullable=False),
    sa.Column("claimed_by", sa.String(255)),
    sa.Column("claimed_until", sa.DateTime),
)

sa.Table(
    "conversations",
    tables,
    sa.Column("conversation_id", sa.String(32), primary_key=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime, nullable=False),
    sa.Column("updated_at", sa.DateTime, nullable=False),
)

sa.Table(
    "messages",
    tables,
    sa.Column("message_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column(
        "conversation_id",
        sa.ForeignKey("conversations.conversation_id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("evidence", sa.Text),
    sa.Column("created_at", sa.DateTime, nullable=False),
)


def upgrade() -> None:
    database = sa.inspect(op.get_bind())
    for table in tables.sorted_tables:
        if database.has_table(table.name):
            names = {column["name"] for column in database.get_columns(table.name)}
            if not names >= set(table.columns.keys()):
                raise CatalogError(
                    f"The database has a table {table.name} that isn't Docent's; set DATABASE_URL to a database of "
                    "its own."
                )
        op.execute(CreateTable(table, if_not_exists=True))
        for index in table.indexes:
            op.execute(CreateIndex(index, if_not_exists=True))
