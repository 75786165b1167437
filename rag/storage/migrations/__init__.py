"""The steps that bring the tables of an earlier release up to this release. Alembic runs them.

A change of rag/storage/tables.py needs a new module in `versions/`, and its number in HEAD.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from rag.errors import CatalogError

# The number of the last step. A database with this number in its table `alembic_version` needs no upgrade. The number
# is written here so that a start needn't import Alembic, which takes a fifth of a second.
HEAD = "0005"


def upgrade(connection: sa.Connection, version: str | None) -> None:
    """Run the steps from `version` (None: a release without numbered tables) to HEAD, in the transaction of
    `connection`. Raises CatalogError for a version that this release doesn't know."""
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    if version not in {None, *(step.revision for step in ScriptDirectory.from_config(config).walk_revisions())}:
        raise CatalogError(
            f"The catalog was made by a newer version of Docent (its tables are numbered {version}, and this version "
            f"knows them up to {HEAD}); use that version, or set DATABASE_URL or DATA_DIR to another place."
        )
    command.upgrade(config, "head")
