"""The catalog: which documents a collection holds and what state they are in.

A row in state *pending* is at the same time the job that is still to do: it is claimed by one process at a time and
taken up again by the next one when that process is gone.

A row in state *unlisted* is not in the library: its document is on the way in and its bytes aren't kept yet, or on the
way out. A process that finds it with nobody at it removes what there is of the document. So a document is added or
removed as a whole, wherever a process is killed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Literal

import sqlalchemy as sa

from rag.schema import DocumentInfo, DocumentState
from rag.storage.collections import Fingerprints
from rag.storage.database import UNLISTED, documents, guarded, storable, utc_now
from rag.storage.leases import is_busy, is_claimable, new_owner, until

# What `_document` reads, in its order: unpacked rows are made three times as fast as by their attributes.
_DOCUMENT = [documents.c[field.name] for field in dataclasses.fields(DocumentInfo)]
# SQLite takes at most 32,766 parameters in a statement.
MANY = 10_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A row as it is, `listed` or not; `busy` where a living process is at it."""

    document: DocumentInfo
    listed: bool
    busy: bool


class Catalog:
    """The documents of one collection of one Milvus. All methods raise CatalogError when the database fails."""

    def __init__(self, engine: sa.Engine, address: str, collection: str) -> None:
        self._engine = engine
        self._key = {"address": address, "collection": collection}
        self._mine = sa.and_(documents.c.address == address, documents.c.collection == collection)
        self._listed = sa.and_(self._mine, documents.c.state != UNLISTED)
        self.fingerprints = Fingerprints(engine, address, collection)
        self.owner = new_owner()

    @guarded
    def documents(
        self, first: int = 0, most: int | None = None, state: DocumentState | None = None
    ) -> list[DocumentInfo]:
        """The documents (in this state), newest first: all, or at most `most` after the first `first`."""
        query = sa.select(*_DOCUMENT).where(self._listed, *([documents.c.state == state] if state else []))
        order = (documents.c.added_at.desc(), documents.c.file_name, documents.c.doc_id)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(*order).offset(first).limit(most))
            return [_document(row) for row in rows]

    @guarded
    def find(self, doc_id: str) -> DocumentInfo | None:
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(*_DOCUMENT).where(self._listed, documents.c.doc_id == doc_id)).first()
        return _document(row) if row else None

    @guarded
    def knows(self, doc_id: str) -> bool:
        """Whether there is, or may be, anything of a document, listed or not."""
        with self._engine.connect() as connection:
            return connection.execute(sa.select(1).where(self._mine, documents.c.doc_id == doc_id)).first() is not None

    @guarded
    def count_states(self, doc_ids: Collection[str] | None = None) -> dict[DocumentState, int]:
        """How many documents, of these or (None) of all, are in each state; states of none are missing."""
        query = sa.select(documents.c.state, sa.func.count().label("number")).where(self._listed)
        if doc_ids is not None:
            query = query.where(documents.c.doc_id.in_([storable(doc_id) for doc_id in doc_ids]))
        with self._engine.connect() as connection:
            rows = connection.execute(query.group_by(documents.c.state))
            return {row.state: row.number for row in rows}

    @guarded
    def count_chunks(self) -> int:
        """How many chunks the ready documents have together."""
        query = sa.select(sa.func.sum(documents.c.chunks)).where(self._mine, documents.c.state == "ready")
        with self._engine.connect() as connection:
            return int(connection.scalar(query) or 0)

    @guarded
    def count_claimed(self) -> int:
        """How many documents are being ingested or removed right now, by this process or another living one."""
        held = sa.select(documents).where(self._mine, documents.c.claimed_by.is_not(None))
        with self._engine.connect() as connection:
            return sum(is_busy(row, self.owner) for row in connection.execute(held))

    @guarded
    def ready_names(self, doc_ids: Iterable[str]) -> dict[str, str]:
        """{doc_id: file name} of those among `doc_ids` that are ready."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                sa.select(documents.c.doc_id, documents.c.file_name).where(
                    self._mine, documents.c.state == "ready", documents.c.doc_id.in_(list(doc_ids))
                )
            )
            return {row.doc_id: row.file_name for row in rows}

    @guarded
    def namesakes(self, file_name: str, doc_id: str) -> list[DocumentInfo]:
        """Other ready documents under the same name."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                sa.select(*_DOCUMENT).where(
                    self._mine,
                    documents.c.state == "ready",
                    documents.c.file_name == file_name,
                    documents.c.doc_id != doc_id,
                )
            )
            return [_document(row) for row in rows]

    @guarded
    def to_replace(self, doc_id: str) -> tuple[str, ...]:
        """The documents that go when this one is ready."""
        own = sa.and_(self._mine, documents.c.doc_id == doc_id)
        with self._engine.connect() as connection:
            return tuple((connection.scalar(sa.select(documents.c.replaces).where(own)) or "").split())

    @guarded
    def add_pending(
        self, doc_id: str, file_name: str, size: int, replaces: Iterable[str] = (), *, listed: bool = True
    ) -> Literal["added", "ready", "busy"]:
        """Note a document that is to be ingested, claimed by this process; `listed` is False as long as its bytes
        aren't kept, until `list_pending`.

        "ready": it is there already. "busy" changes nothing: another living process is at it, or this one is removing
        it. Unless it is busy, no document that was to replace it does so any more.
        """
        try:
            with self._engine.begin() as connection:
                row = connection.execute(sa.select(documents).where(self._mine, documents.c.doc_id == doc_id)).first()
                if row is not None:
                    if row.state == "ready":
                        # Held as it is, so that it isn't replaced between this and that.
                        held = sa.update(documents).where(self._unchanged(row)).values(state="ready")
                        if not connection.execute(held).rowcount:
                            return "busy"
                        self._spare(connection, doc_id)
                        return "ready"
                    if row.state in {"pending", UNLISTED} and not is_claimable(row, self.owner):
                        return "busy"
                    if row.state == UNLISTED and row.claimed_by == self.owner:
                        return "busy"
                    if not connection.execute(sa.delete(documents).where(self._unchanged(row))).rowcount:
                        return "busy"
                connection.execute(
                    sa.insert(documents).values(
                        **self._key,
                        doc_id=doc_id,
                        file_name=storable(file_name),
                        size=size,
                        pages=0,
                        chunks=0,
                        state="pending" if listed else UNLISTED,
                        added_at=utc_now(),
                        replaces=" ".join(replaces),
                        claimed_by=self.owner,
                        claimed_until=until(),
                    )
                )
                self._spare(connection, doc_id)
        except sa.exc.IntegrityError:  # another process noted it since we looked
            return "busy"
        return "added"

    def _spare(self, connection: sa.Connection, doc_id: str) -> None:
        """Have no document that is on its way, or has failed, replace this one."""
        unready = sa.and_(self._mine, documents.c.state.in_(["pending", "failed", UNLISTED]))
        planned = documents.c.replaces.contains(doc_id, autoescape=True)
        without = sa.func.replace(documents.c.replaces, doc_id, "")
        connection.execute(sa.update(documents).where(unready, planned).values(replaces=without))

    @guarded
    def list_pending(self, doc_id: str) -> None:
        """A document that was added without being listed is in the library from now on."""
        mine = sa.and_(self._mine, documents.c.doc_id == doc_id, documents.c.claimed_by == self.owner)
        with self._engine.begin() as connection:
            connection.execute(sa.update(documents).where(mine).values(state="pending"))

    @guarded
    def claim_pending(self) -> list[tuple[str, str]]:
        """Claim the pending documents that nobody is at, oldest first: (doc_id, file name)."""
        return [(row.doc_id, row.file_name) for row in self._claim("pending")]

    @guarded
    def claim_unlisted(self) -> list[str]:
        """Claim the documents that aren't listed and that nobody is at: what there is of them is to be removed."""
        return [row.doc_id for row in self._claim(UNLISTED)]

    def _claim(self, state: str) -> list[Any]:
        with self._engine.begin() as connection:
            rows = connection.execute(
                sa.select(documents).where(self._mine, documents.c.state == state).order_by(documents.c.added_at)
            ).all()
            claim = sa.update(documents).values(claimed_by=self.owner, claimed_until=until())
            return [
                row
                for row in rows
                if is_claimable(row, self.owner)
                and row.claimed_by != self.owner
                and connection.execute(claim.where(self._unchanged(row))).rowcount
            ]

    @guarded
    def held(self, doc_ids: Iterable[str]) -> set[str]:
        """Those of these documents that are pending and claimed by this process: not those that another one has removed
        or taken over."""
        own = sa.and_(self._mine, documents.c.state == "pending", documents.c.claimed_by == self.owner)
        with self._engine.connect() as connection:
            return {
                doc_id
                for some in _among(doc_ids)
                for doc_id in connection.scalars(sa.select(documents.c.doc_id).where(own, some))
            }

    @guarded
    def renew_claims(self) -> None:
        with self._engine.begin() as connection:
            connection.execute(
                sa.update(documents)
                .where(self._mine, documents.c.claimed_by == self.owner)
                .values(claimed_until=until())
            )

    @guarded
    def release_claims(self, doc_ids: Iterable[str] | None = None) -> None:
        """Leave the pending documents of this process (all, or these) to whoever comes next."""
        mine = sa.and_(self._mine, documents.c.claimed_by == self.owner)
        with self._engine.begin() as connection:
            for some in [sa.true()] if doc_ids is None else _among(doc_ids):
                connection.execute(sa.update(documents).where(mine, some).values(claimed_by=None, claimed_until=None))

    @guarded
    def mark_ready(self, counts: Mapping[str, tuple[int, int]]) -> tuple[set[str], list[str]]:
        """Mark documents whole: {doc_id: (pages, chunks)}; at the same moment those that they replace leave the
        library, claimed by this process. Returns the documents that were marked, which are not those that another
        process has removed or taken over meanwhile, and the documents that have left."""
        marked: set[str] = set()
        left: list[str] = []
        with self._engine.begin() as connection:
            for doc_id, (pages, chunks) in counts.items():
                mine = sa.and_(
                    self._mine,
                    documents.c.doc_id == doc_id,
                    documents.c.state == "pending",
                    documents.c.claimed_by == self.owner,
                )
                whole = {"state": "ready", "error": None, "pages": pages, "chunks": chunks}
                changed = sa.update(documents).where(mine).values(**whole, claimed_by=None, claimed_until=None)
                replaces = connection.scalar(changed.returning(documents.c.replaces))
                if replaces is None:
                    continue
                marked.add(doc_id)
                if replaces:
                    left += self._unlist(connection, documents.c.doc_id.in_(replaces.split()))
                    own = sa.and_(self._mine, documents.c.doc_id == doc_id)
                    connection.execute(sa.update(documents).where(own).values(replaces=""))
        return marked, left

    @guarded
    def mark_failed(self, doc_id: str, error: str) -> None:
        """Mark a document failed, unless another process has removed it or taken it over meanwhile."""
        free = sa.or_(documents.c.claimed_by.is_(None), documents.c.claimed_by == self.owner)
        with self._engine.begin() as connection:
            connection.execute(
                sa.update(documents)
                .where(self._listed, documents.c.doc_id == doc_id, free)
                .values(state="failed", error=error, claimed_by=None, claimed_until=None)
            )

    @guarded
    def mark_pending(self, states: Collection[DocumentState], doc_ids: Collection[str] | None = None) -> None:
        """The documents (of these) in these states are to be ingested again."""
        chosen = sa.and_(self._mine, documents.c.state.in_(list(states)))
        anew = {"state": "pending", "error": None, "claimed_by": None, "claimed_until": None}
        with self._engine.begin() as connection:
            for some in [sa.true()] if doc_ids is None else _among(doc_ids):
                connection.execute(sa.update(documents).where(chosen, some).values(**anew))

    # --- out of the library

    @guarded
    def unlist(self, doc_ids: Collection[str] | None = None) -> list[str]:
        """Take documents (all when None) out of the library, claimed by this process, which removes what there is of
        them; were it killed, the next one does. Returns those that were listed."""
        with self._engine.begin() as connection:
            parts = [sa.true()] if doc_ids is None else _among(doc_ids)
            return [doc_id for some in parts for doc_id in self._unlist(connection, some)]

    def _unlist(self, connection: sa.Connection, condition: sa.ColumnElement[bool]) -> list[str]:
        chosen = sa.and_(self._listed, condition)
        # In one statement: of two processes that do so at once, each gets what it was the first to take.
        unlisted = (
            sa.update(documents)
            .where(chosen)
            .values(state=UNLISTED, claimed_by=self.owner, claimed_until=until())
            .returning(documents.c.doc_id)
        )
        return list(connection.scalars(unlisted))

    @guarded
    def list_failed(self, doc_ids: Iterable[str], error: str) -> None:
        """List documents again, as failed, that this process has unlisted and can't remove."""
        mine = sa.and_(self._mine, documents.c.state == UNLISTED, documents.c.claimed_by == self.owner)
        failed = {"state": "failed", "error": error, "claimed_by": None, "claimed_until": None}
        with self._engine.begin() as connection:
            for some in _among(doc_ids):
                connection.execute(sa.update(documents).where(mine, some).values(**failed))

    @guarded
    def holds_only(self, doc_ids: Collection[str]) -> bool:
        """Whether there are no documents but these, listed or not."""
        with self._engine.connect() as connection:
            return set(connection.scalars(sa.select(documents.c.doc_id).where(self._mine))) <= set(doc_ids)

    @guarded
    def remove(self, doc_ids: Iterable[str], discard: Callable[[str], object] | None = None) -> list[str]:
        """Forget documents that this process has unlisted. Returns those whose bytes no other collection needs.

        `discard` is called for each of them before they are forgotten for good, and while (on SQLite) no other process
        can add them.
        """
        # Not what another process has taken over since, and perhaps made ready.
        mine = sa.and_(self._mine, documents.c.state == UNLISTED, documents.c.claimed_by == self.owner)
        orphans: list[str] = []
        with self._engine.begin() as connection:
            for some in _among(doc_ids):
                forgotten = sa.delete(documents).where(mine, some).returning(documents.c.doc_id)
                orphans += _unknown(connection, list(connection.scalars(forgotten)))
            if discard:
                for orphan in orphans:
                    discard(orphan)
        return orphans

    @guarded
    def discard_unknown(self, doc_ids: Collection[str], discard: Callable[[str], object]) -> None:
        """Call `discard` for those of these ids that no collection knows; as in `remove`, none is added meanwhile."""
        with self._engine.begin() as connection:
            connection.execute(sa.delete(documents).where(sa.false()))  # SQLite's lock on writing
            for doc_id in _unknown(connection, doc_ids):
                discard(doc_id)

    # --- as it is, for those who verify

    @guarded
    def entries(self) -> dict[str, Entry]:
        """All rows of the collection, by document."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(documents).where(self._mine)).all()
        return {row.doc_id: Entry(_info(row), row.state != UNLISTED, is_busy(row, self.owner)) for row in rows}

    @guarded
    def known_anywhere(self) -> dict[str, bool]:
        """The documents of all collections, and whether a living process is at them in any."""
        columns = (documents.c.doc_id, documents.c.claimed_by, documents.c.claimed_until)
        known: dict[str, bool] = {}
        with self._engine.connect() as connection:
            for row in connection.execute(sa.select(*columns)):
                known[row.doc_id] = known.get(row.doc_id, False) or is_busy(row, self.owner)
        return known

    @guarded
    def take_over(self, source: Catalog, whole: Collection[str]) -> None:
        """List what `source`, a catalog in the same database, lists, as it is there; what is ready here stays.

        Only the documents in `whole` become ready: others that are so there have just been added, and are pending.
        """
        with self._engine.begin() as connection:
            here = sa.select(documents.c.doc_id).where(self._mine, documents.c.state == "ready")
            ready = set(connection.scalars(here))
            rows = connection.execute(sa.select(documents).where(source._listed)).mappings().all()
            taken = []
            for row in rows:
                if row["doc_id"] not in ready:
                    state = "pending" if row["state"] == "ready" and row["doc_id"] not in whole else row["state"]
                    taken.append({**row, **self._key, "state": state, "claimed_by": None, "claimed_until": None})
            for first in range(0, len(taken), MANY):
                part = taken[first : first + MANY]
                mine = sa.and_(self._mine, documents.c.doc_id.in_([row["doc_id"] for row in part]))
                connection.execute(sa.delete(documents).where(mine))
                connection.execute(sa.insert(documents), part)

    def _unchanged(self, row: Any) -> sa.ColumnElement[bool]:
        """That no other process was quicker since `row` was read."""
        return sa.and_(
            self._mine,
            documents.c.doc_id == row.doc_id,
            documents.c.state == row.state,
            documents.c.claimed_by.is_not_distinct_from(row.claimed_by),
        )


def _among(doc_ids: Iterable[str]) -> list[sa.ColumnElement[bool]]:
    """The conditions of as many statements as it takes to name these documents."""
    wanted = list(doc_ids)
    return [documents.c.doc_id.in_(wanted[first : first + MANY]) for first in range(0, len(wanted), MANY)]


def _unknown(connection: sa.Connection, doc_ids: Collection[str]) -> list[str]:
    """Those that no collection has a row of."""
    known: set[str] = set()
    for some in _among(doc_ids):
        known.update(connection.scalars(sa.select(documents.c.doc_id).where(some).distinct()))
    return [doc_id for doc_id in doc_ids if doc_id not in known]


def _info(row: Any) -> DocumentInfo:
    return _document([getattr(row, field.name) for field in dataclasses.fields(DocumentInfo)])


def _document(row: Any) -> DocumentInfo:
    doc_id, file_name, pages, chunks, size, added_at, state, error = row
    return DocumentInfo(doc_id, file_name, pages, chunks, size, added_at.replace(tzinfo=UTC), state, error)
