"""Makes a large library and a long conversation in a scratch folder, as the app keeps them, without ingesting."""

from __future__ import annotations

import hashlib
import random
import re
from pathlib import Path

from rag import DocumentIndex, Settings
from rag.schema import Candidate, Citation, Evidence, Message, Passage, Trace
from rag.storage.conversations import Conversations
from rag.storage.database import open_database
from rag.storage.documents import Catalog

PASSAGES, CITED, CANDIDATES = 10, 4, 30
WORDS = re.findall(
    r"\S+",
    "harbour revenue quarterly lighthouse increased operating island margin ferry reported compared captain segment "
    "of the and in a was by which with from total costs services 2021 12.4% $3,150 Varn's (see note 7) _item_ *net*",
)


def make_library(data_dir: Path, documents: int, messages: int) -> str:
    """Fill a data folder with `documents` ready documents, and a conversation of `messages` messages.

    Returns the conversation's id. One document is really ingested: if Milvus had no rows, the app would ingest all
    documents again.
    """
    settings = Settings(data_dir=data_dir, embed_model="bundled")
    with DocumentIndex(settings) as index:
        index.ingest([("report 0.txt", b"The lighthouse on Varn island was built in 1874. It has a green lamp.")])
    engine = open_database(settings.database_address)
    catalog = Catalog(engine, str(Path(settings.milvus_shown).resolve()), settings.collection)
    choose = random.Random(7)
    names = {_doc_id(number): f"annual report {number:05} of the harbour.pdf" for number in range(1, documents)}
    for doc_id, name in names.items():
        catalog.leases.add_pending(doc_id, name, choose.randrange(10_000, 9_000_000))
    catalog.mark_ready({doc_id: (choose.randrange(1, 300), choose.randrange(1, 900)) for doc_id in names})
    conversations = Conversations(engine, settings.collection)
    conversation_id = conversations.create("What did the harbour earn?").conversation_id
    for number in range(messages // 2):
        conversations.add(conversation_id, Message("user", f"{_prose(choose, 12)} ({number})?"))
        conversations.add(conversation_id, _answer(choose, list(names.items())[:40]))
    engine.dispose()
    return conversation_id


def _doc_id(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def _prose(choose: random.Random, words: int) -> str:
    return " ".join(choose.choices(WORDS, k=words)).capitalize()


def _answer(choose: random.Random, documents: list[tuple[str, str]]) -> Message:
    passages = tuple(_passage(choose, *choose.choice(documents)) for _ in range(PASSAGES))
    cited = choose.sample(range(1, PASSAGES + 1), CITED)
    citations = tuple(Citation(number, _prose(choose, 15), 0, 60, supported=number != cited[-1]) for number in cited)
    sentences = [f"{citation.claim} [{citation.number}]." for citation in citations]
    text = f"{sentences[0]} {sentences[1]}\n\n- **In short:** {sentences[2]}\n- {sentences[3]}"
    candidates = tuple(
        Candidate(name, doc_id, 3, _prose(choose, 16), place, 0.71, place, 12.3, 1 / (place + 1), left_out="budget")
        for place, (doc_id, name) in enumerate(choose.sample(documents, min(CANDIDATES, len(documents))), 1)
    )
    trace = Trace(candidates, 0.5, (("embed", 9.1), ("search", 31.0), ("write", 2100.0)), 3000, 120)
    return Message("assistant", text, Evidence(_prose(choose, 12), passages, citations, trace=trace))


def _passage(choose: random.Random, doc_id: str, name: str) -> Passage:
    text = "\n".join(f"{_prose(choose, 14)}." for _ in range(12))
    return Passage(text, name, doc_id, choose.randrange(1, 90), 0, len(text), 0.5, 1, 2)
