"""Milvus goes away in every way and at every moment: which message comes, how soon, and whether all heals by itself.

    python -m tests.chaos.outages [--rounds N] [--seed N] [--only WORD …]

A line for each case: the longest wait of a caller, the message, the seconds from the fault until all was well again,
and the problems. The real server of the milvus wheel, through a relay; the bundled model. The exit code is 0 only if
all cases were survived.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from pymilvus import MilvusClient, MilvusException

from rag import DocumentIndex, RagError, Settings
from tests.servers.milvus_server import MilvusServer, free_ports
from tests.servers.tcp_relay import TcpRelay

SEARCH_SECONDS = 15.0
OTHER_SECONDS = 40.0
HEAL_SECONDS = 120.0
# As Kubernetes' probes do by default: three that fail, ten seconds apart.
PROBE_SECONDS = 10.0
PROBES = 3
SEARCHERS = 6
SYLLABLES = ("ba", "do", "fe", "gil", "hen", "ko", "lur", "mi", "nash", "or", "pel", "qui", "ras", "tov", "vex", "zam")
SUBJECTS = ("harbour", "orchard", "foundry", "observatory", "brewery", "quarry", "lighthouse", "archive", "aqueduct")
FACTS = (
    "The {subject} of {name} keeps {number} ledgers of its visitors.",
    "In {name} the {subject} was closed for {number} days after the flood.",
    "Of the workers at the {subject} in {name}, {number} came from the northern valleys.",
    "A guide to {name} counts {number} steps from the market to the {subject}.",
)


@dataclass(frozen=True)
class Fault:
    """`begin` and `end` are called `seconds` apart. A `short` one needn't be noticed by anybody."""

    name: str
    seconds: float
    begin: Callable[[MilvusServer, TcpRelay], object]
    end: Callable[[MilvusServer, TcpRelay], object]
    short: bool = False


FAULTS = (
    Fault("stopped", 5, lambda server, relay: server.kill(), lambda server, relay: server.start()),
    Fault("paused-briefly", 3, lambda server, relay: server.pause(), lambda server, relay: server.go_on(), True),
    Fault("paused-long", 45, lambda server, relay: server.pause(), lambda server, relay: server.go_on()),
    Fault("cut", 6, lambda server, relay: relay.close(), lambda server, relay: relay.open()),
    Fault("silent", 25, lambda server, relay: relay.silence(), lambda server, relay: relay.open()),
    Fault("emptied", 1, lambda server, relay: server.kill(), lambda server, relay: server.start(empty=True)),
)
MOMENTS = ("ingest", "search", "idle", "delete", "reset")


@dataclass
class Document:
    """`phrase` is a sentence that only this document has."""

    name: str
    phrase: str
    data: bytes
    doc_id: str = ""


@dataclass
class Case:
    """What became of a fault. `waited`: the longest wait of a caller in seconds."""

    fault: str
    moment: str
    waited: float = 0.0
    healed: float = 0.0
    said: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def line(self) -> str:
        said = min(self.said, key=len) if self.said else "nothing"
        outcome = "; ".join(self.problems) or "survived"
        return f"{self.fault:<15} {self.moment:<7} {self.waited:6.1f} s {self.healed:6.1f} s  {outcome} — said: {said}"


def make_document(chance: random.Random, paragraphs: int) -> Document:
    name = "".join(chance.choices(SYLLABLES, k=4)).capitalize()
    subject = chance.choice(SUBJECTS)
    phrase = f"The {subject} of {name} was opened by Queen {name[::-1].capitalize()}."
    text = [
        " ".join(fact.format(subject=subject, name=name, number=chance.randrange(10_000)) for fact in FACTS * 3)
        for _ in range(paragraphs)
    ]
    text.insert(chance.randrange(paragraphs + 1), phrase)
    return Document(f"{name}.txt", phrase, "\n\n".join(text).encode())


class Bench:
    """A server, the relay before it, and a library on it that lives through all cases unless one breaks it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._probed = 0.0
        self._failed_probes = 0
        self.server = MilvusServer(folder / "milvus")
        self.server.start()
        self.relay = TcpRelay(free_ports(1)[0], self.server.port)
        self.relay.open()
        self.open()

    def open(self) -> None:
        self.settings = Settings(
            data_dir=self._folder / uuid4().hex,
            milvus_uri=f"http://127.0.0.1:{self.relay.port}",
            embed_model="bundled",
            collection=f"outage_{uuid4().hex[:8]}",
        )
        self.index = DocumentIndex(self.settings)

    def close(self) -> None:
        self.index.close()
        self.relay.close()
        self.server.kill()

    def supervise(self) -> None:
        """A server that was paused for too long ends itself, or answers no call any more; its supervisor starts it
        again. To be called often."""
        if not self.server.is_running:
            self.server.start()
        elif time.monotonic() - self._probed > PROBE_SECONDS:
            self._probed = time.monotonic()
            self._failed_probes = 0 if self._answers() else self._failed_probes + 1
            if self._failed_probes == PROBES:
                print("the server answers no call: it is started anew", flush=True)
                self.server.kill()
                self.server.start()
                self._failed_probes = 0

    def _answers(self) -> bool:
        try:
            client = MilvusClient(self.server.uri, timeout=5, dedicated=True)
            try:
                client.list_collections(timeout=5)
            finally:
                client.close()
        except MilvusException:
            return False
        return True

    def add(self, documents: Sequence[Document]) -> None:
        results = self.index.ingest([(document.name, document.data) for document in documents])
        for document, result in zip(documents, results, strict=True):
            document.doc_id = result.doc_id or ""

    def rows(self) -> list[str]:
        """The ids of all rows, asked of the server itself."""
        client = MilvusClient(self.server.uri, timeout=10, dedicated=True)
        try:
            if not client.has_collection(self.settings.collection):
                return []
            rows = client.query(
                self.settings.collection, 'id != ""', output_fields=["id"], consistency_level="Strong", timeout=30
            )
            return [row["id"] for row in rows]
        finally:
            client.close()

    def faults_of(self, expected: Sequence[Document]) -> list[str]:
        """What isn't as it should be with these and no other documents in the library."""
        milvus = self.index.status().milvus
        if milvus.state != "ready":
            return [f"status {milvus.state}: {milvus.detail}"]
        listed = {document.doc_id: document for document in self.index.documents()}
        if set(listed) != {document.doc_id for document in expected}:
            return [f"{len(listed)} documents are listed, {len(expected)} were added"]
        problems = [f"{one.file_name} is {one.state} ({one.error})" for one in listed.values() if one.state != "ready"]
        if problems:
            return problems
        try:
            rows = self.rows()
        except MilvusException as error:
            return [f"Milvus can't count its rows: {error}"]
        chunks = sum(document.chunks for document in listed.values())
        if len(rows) != chunks or len(set(rows)) != chunks:
            return [f"Milvus has {len(rows)} rows, {len(set(rows))} of them different, instead of {chunks}"]
        for document in expected:
            passages = self.index.search(document.phrase, top_k=10)
            if not any(document.phrase in passage.text for passage in passages if passage.doc_id == document.doc_id):
                problems.append(f"{document.name} isn't found by its phrase")
        return problems


def run_case(bench: Bench, fault: Fault, moment: str, chance: random.Random) -> Case:
    """Begin the fault at the moment, end it, and wait until the library is as it should be."""
    case = Case(fault.name, moment)
    documents = [make_document(chance, 2) for _ in range(3)]
    bench.add(documents)
    deadline = time.monotonic() + HEAL_SECONDS
    while problems := bench.faults_of(documents):
        if time.monotonic() > deadline:
            case.problems = [f"before the fault: {problem}" for problem in problems]
            return case
        time.sleep(0.5)
    over = threading.Event()
    began = [0.0]

    def asked(call: Callable[[], object], seconds: float, since_fault: bool = False) -> RagError | None:
        """Note how long a call takes and what it says."""
        started = time.monotonic()
        error: RagError | None = None
        try:
            call()
        except RagError as caught:
            error = caught
            case.said.add(str(caught))
        except Exception as caught:
            case.problems.append(f"{moment} failed with {type(caught).__name__}: {caught}")
        waited = time.monotonic() - (max(started, began[0]) if since_fault else started)
        if error is not None or not since_fault:
            case.waited = max(case.waited, waited)
            if waited > seconds:
                case.problems.append(f"{moment} took {waited:.1f} s")
        return error

    def ingest(added: list[Document]) -> None:
        def call() -> None:
            bench.add(added)
            states = {one.doc_id: one for one in bench.index.jobs()}
            errors = {job.error for job in states.values() if job.stage == "failed" and job.error}
            bench.index.dismiss()
            if errors:
                case.said.update(errors)
                raise RagError(min(errors))

        asked(call, OTHER_SECONDS, since_fault=True)

    def search() -> None:
        while not over.is_set():
            document = chance.choice(documents)
            asked(lambda: bench.index.search(document.phrase), SEARCH_SECONDS)  # noqa: B023
            time.sleep(0.05)

    def watch() -> None:
        """The page of a user who does nothing: it says so itself."""
        while not over.is_set():
            milvus = bench.index.status().milvus
            if milvus.state == "error" and not case.said:
                case.waited = time.monotonic() - began[0]
                case.said.add(milvus.detail)
            time.sleep(0.05)
        if not fault.short and not case.said and fault.seconds > OTHER_SECONDS:
            case.problems.append("the status said nothing")

    again: list[Callable[[], object]] = []

    def delete(call: Callable[[], object]) -> None:
        if asked(call, OTHER_SECONDS) is not None:
            again.append(call)

    first = documents[0]
    if moment == "ingest":
        new = [make_document(chance, 40) for _ in range(4)]
        documents = documents + new
        threads = [threading.Thread(target=ingest, args=(new,))]
    elif moment == "search":
        threads = [threading.Thread(target=search) for _ in range(SEARCHERS)]
    elif moment == "idle":
        threads = [threading.Thread(target=watch)]
    elif moment == "delete":
        documents = documents[1:]
        threads = [threading.Thread(target=delete, args=(lambda: bench.index.delete(first.doc_id),))]
    else:
        documents = []
        threads = [threading.Thread(target=delete, args=(bench.index.reset,))]

    lead = {"ingest": chance.uniform(0, 5), "search": 1.0}.get(moment, chance.choice([0.0, chance.uniform(0, 0.06)]))
    if lead == 0.0:
        fault.begin(bench.server, bench.relay)
    for thread in threads:
        thread.start()
    if lead:
        time.sleep(lead)
        fault.begin(bench.server, bench.relay)
    began[0] = time.monotonic()
    time.sleep(fault.seconds)
    fault.end(bench.server, bench.relay)
    ended = time.monotonic()

    def all_is_well() -> list[str]:
        bench.supervise()
        if any(thread.is_alive() for thread in threads if moment != "search" and moment != "idle"):
            return [f"{moment} hasn't come back"]
        while again:
            try:
                again[-1]()
            except RagError as error:
                if "no such document" not in str(error):  # it was deleted by itself meanwhile
                    return [str(error)]
            again.pop()
        try:
            return bench.faults_of(documents)
        except RagError as error:
            return [str(error)]

    try:
        while problems := all_is_well():
            if time.monotonic() - ended > HEAL_SECONDS:
                case.problems += problems
                break
            time.sleep(0.5)
        case.healed = time.monotonic() - ended
    finally:
        over.set()
        for thread in threads:
            thread.join(OTHER_SECONDS)
    return case


def run(faults: Sequence[Fault], moments: Sequence[str], rounds: int, seed: int, folder: Path) -> list[Case]:
    """All cases, each printed as it ends."""
    chance = random.Random(seed)
    bench = Bench(folder)
    cases = []
    try:
        for _ in range(rounds):
            for fault in faults:
                for moment in moments:
                    try:
                        case = run_case(bench, fault, moment, chance)
                    except Exception:
                        case = Case(fault.name, moment, problems=[traceback.format_exc()])
                    print(case.line(), flush=True)
                    cases.append(case)
                    try:
                        bench.supervise()
                        bench.relay.open()
                        bench.index.reset()
                    except RagError as error:
                        case.problems.append(f"afterwards: {error}")
                    if case.problems:  # else the next case would be blamed for it
                        bench.index.close()
                        bench.open()
    finally:
        bench.close()
    return cases


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.outages", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--only", nargs="+", default=[], metavar="WORD", help="names of faults and of moments")
    options = parser.parse_args(arguments)
    faults = [fault for fault in FAULTS if fault.name in options.only] or FAULTS
    moments = [moment for moment in MOMENTS if moment in options.only] or MOMENTS
    print(f"seed {options.seed}: fault, moment, longest wait, time to heal")
    with tempfile.TemporaryDirectory() as folder:
        cases = run(faults, moments, options.rounds, options.seed, Path(folder))
    bad = [case for case in cases if case.problems]
    print(f"{len(cases)} faults, {len(cases) - len(bad)} survived")
    for moment in moments:
        waits = [case.waited for case in cases if case.moment == moment]
        print(f"longest wait, {moment}: {max(waits, default=0):.1f} s")
    for case in bad:
        print("FAILED", case.line())
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
