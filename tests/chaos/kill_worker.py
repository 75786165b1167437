"""The process that `tests.chaos.kills` kills: it adds, replaces, deletes and resets documents at random.

Requests and acknowledgements go to a journal, each line flushed to the disk; the stage of the moment goes to a small
file. After each start, once interrupted work is resumed, the library is compared with the journal.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import re
import sys
import threading
import time
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from reportlab.pdfgen.canvas import Canvas

from rag import DocumentIndex, NotFound, Settings
from rag.schema import Job
from rag.storage.files import document_id

RESUME_SECONDS = 180
STATUS_BYTES = 64
# Small ones, some of dozens of chunks, and two of hundreds, one with pages.
SIZES = [2] * 12 + [8] * 4 + [50] * 3 + [220, 260]
NAMES = 9
ACTIONS = {"adding": 6, "waiting": 3, "deleting": 2, "replacing": 2, "resetting": 0.15}
# Words of a document's phrase, and of the text around it.
RARE = re.findall(
    r"\w+",
    "amber walrus crooked violin frozen lantern velvet orchard marble heron silver teapot crimson glacier hollow cedar "
    "piano granite comet tangled linen meadow pirate saffron igloo trombone cactus dragon umbrella penguin",
)
COMMON = re.findall(
    r"\w+",
    "the office sends a monthly report about costs and income of this year to all members who then decide on the next "
    "budget for staff rent and travel as well as on contracts with other companies",
)


class Sample:
    """A document that is the same in every process: its length and its name follow from `number`."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.name = f"file-{number % NAMES}.{'pdf' if SIZES[number] == max(SIZES) else 'txt'}"
        choose = random.Random(f"sample {number}")
        self.phrase = " ".join(choose.sample(RARE, 6))
        self._sentences = [" ".join(choose.choices(COMMON, k=12)) + "." for _ in range(SIZES[number] * 12)]
        self._sentences[len(self._sentences) // 2] = f"The word of the day is {self.phrase}."

    @cached_property
    def data(self) -> bytes:
        if not self.name.endswith("pdf"):
            return "\n\n".join(self._sentences).encode()
        out = io.BytesIO()
        canvas = Canvas(out, invariant=1)
        for place, sentence in enumerate(self._sentences):
            canvas.drawString(40, 800 - 18 * (place % 40), sentence)
            if place % 40 == 39:
                canvas.showPage()
        canvas.save()
        return out.getvalue()

    @cached_property
    def doc_id(self) -> str:
        return document_id(self.data)


class Journal:
    """The requests and acknowledgements, and the states of documents that follow from them.

    `state` of a document is "there", "gone", or "either" after a request without an acknowledgement; the documents in
    `together` must all be there or all be gone, and `instead` says which document may replace which others.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.state: dict[int, str] = {}
        self.chunks: dict[int, int] = {}
        self.together: set[int] = set()
        self.instead: dict[int, set[int]] = {}
        self.reset_open = False
        for line in path.read_text().splitlines() if path.exists() else ():
            if line.endswith("}"):  # the last one may be cut short
                self._apply(**json.loads(line))

    def note(self, event: str, documents: Iterable[int] = (), **more: Any) -> None:
        entry = {"event": event, "documents": list(documents), **more}
        with self._path.open("a") as file:
            file.write(json.dumps(entry) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self._apply(**entry)

    def _apply(self, event: str, documents: list[int], **more: Any) -> None:
        touched = set(documents) | set(more.get("replaced", ()))
        if event in {"add", "replace", "delete"}:
            self._ungroup(touched)
            for number in touched:
                if event == "delete" or number not in documents or self.state.get(number) != "there":
                    self.state[number] = "either"
            if event == "replace":
                self.instead[documents[0]] = set(more["replaced"])
        elif event == "ready":
            for number in documents:
                self.state[number] = "there"
                for old in self.instead.pop(number, ()):
                    self.state[old] = "gone"
            self.chunks.update(dict.fromkeys(documents, more["chunks"]))
        elif event == "deleted":
            self.state.update(dict.fromkeys(documents, "gone"))
        elif event == "reset":
            self.together = {number for number, state in self.state.items() if state == "there"}
            self.instead = {}
            # Of an empty library nothing tells whether it had begun: it may know its model still.
            self.reset_open = any(state != "gone" for state in self.state.values())
            self.state = {number: "gone" if state == "gone" else "either" for number, state in self.state.items()}
        elif event == "reset done":
            self.state = dict.fromkeys(self.state, "gone")
            self.together, self.reset_open = set(), False
        elif event == "observed":
            self.state = {**dict.fromkeys(self.state, "gone"), **dict.fromkeys(documents, "there")}
            self.together, self.instead, self.reset_open = set(), {}, False

    def _ungroup(self, numbers: set[int]) -> None:
        self.together -= numbers
        self.instead = {new: old - numbers for new, old in self.instead.items() if new not in numbers}


class Worker:
    def __init__(self, folder: Path, milvus_uri: str, seed: str, preferred: str) -> None:
        self._choose = random.Random(seed)
        self._preferred = preferred
        self._journal = Journal(folder / "journal.jsonl")
        self._status = os.open(folder / "status", os.O_RDWR | os.O_CREAT)
        self._samples = [Sample(number) for number in range(len(SIZES))]
        self._jobs: dict[str, int] = {}
        self._troubles: list[str] = []
        self.say("starting")
        settings = {"data_dir": folder / "data", "milvus_uri": milvus_uri, "collection": "kills"}
        self._index = DocumentIndex(Settings(_env_file=None, embed_model="bundled", **settings))

    def say(self, stage: str) -> None:
        os.pwrite(self._status, stage.ljust(STATUS_BYTES).encode(), 0)

    # --- checking

    def check(self) -> list[str]:
        """Wait until everything is resumed. Returns a sentence for each fault of the library."""
        catalog = self._index._catalog
        deadline = time.monotonic() + RESUME_SECONDS
        while self._index.status().milvus.state != "ready" or any(
            not entry.listed or entry.document.state == "pending" for entry in catalog.entries().values()
        ):
            self.say(f"resuming {_stage(self._index.jobs())}".strip())
            if time.monotonic() > deadline:
                return [f"not resumed in {RESUME_SECONDS} s: {self._index.status().milvus} {catalog.entries()}"]
            time.sleep(0.01)
        self.say("checking")
        wrong = [sentence for sample in self._samples for sentence in self._check(sample)]
        kept = {sample.number for sample in self._samples if catalog.find(sample.doc_id)}
        wrong += [f"unknown document {d}" for d in self._index.documents() if d.doc_id not in self._by_id]
        if self._journal.together & kept and not self._journal.together <= kept:
            wrong.append(f"of {self._journal.together} a reset has left {self._journal.together & kept}")
        for new, old in self._journal.instead.items():
            if old and ((new in kept) == bool(old & kept) or (old & kept and not old <= kept)):
                wrong.append(f"{new} replaces {old}, and there are {kept & {new, *old}}")
        if self._journal.reset_open and not kept and catalog.records.get() is not None:
            wrong.append("an empty library knows the model of the one that was reset")
        verification = self._index.verify()
        wrong += [f"{finding.kind} {finding.what} {finding.doc_id}" for finding in verification.findings]
        chunks = sum(document.chunks for document in self._index.documents())
        if verification.rows != chunks:
            wrong.append(f"{verification.rows} rows for {chunks} chunks")
        self._journal.note("observed", sorted(kept))
        return wrong

    @cached_property
    def _by_id(self) -> dict[str, Sample]:
        return {sample.doc_id: sample for sample in self._samples}

    def _check(self, sample: Sample) -> Iterable[str]:
        number, doc_id = sample.number, sample.doc_id
        document = self._index._catalog.find(doc_id)
        state = self._journal.state.get(number, "gone")
        rows = self._index._loop.run(self._index._store.count([doc_id], "Strong"))
        files = sorted(path.name for path in (self._index.settings.data_dir / "files").rglob(f"{doc_id}*"))
        passages = [passage for passage in self._index.search(sample.phrase, 10) if passage.doc_id == doc_id]
        if document is None:
            if state == "there":
                yield f"{number} was acknowledged as ready and is gone"
            if rows or files or passages:
                yield f"{number} is gone and has {rows} rows, {files}, {len(passages)} passages"
            return
        if state == "gone":
            yield f"{number} was acknowledged as gone and is {document.state}"
        if document.state != "ready":
            yield f"{number} is {document.state}: {document.error}"
            return
        if rows != document.chunks or document.chunks != self._journal.chunks.get(number, document.chunks):
            yield f"{number} has {rows} rows, {document.chunks} chunks, had {self._journal.chunks.get(number)}"
        if files != [doc_id, f"{doc_id}.pages.json"] or self._index.original(doc_id) != sample.data:
            yield f"{number} has these files: {files}"
        if sample.phrase not in " ".join(self._index.page_text(doc_id).split()):
            yield f"{number} lacks its text"
        if not any(sample.phrase in " ".join(passage.text.split()) for passage in passages):
            yield f"{number} isn't found by {sample.phrase!r}"

    # --- working

    def work(self) -> list[str]:
        """Do one thing. Returns the failures that no kill explains."""
        weights = {**ACTIONS, self._preferred: 8} if self._preferred in ACTIONS else ACTIONS
        (action,) = self._choose.choices(list(weights), list(weights.values()))
        {
            "adding": self._add,
            "waiting": self._wait,
            "deleting": self._delete,
            "replacing": self._replace,
            "resetting": self._reset,
        }[action]()
        self._look()
        troubles, self._troubles = self._troubles, []
        return troubles

    def _add(self) -> None:
        if len(self._jobs) > 4:
            return self._wait()
        # What is being replaced goes, also if it was added again since that was asked for.
        busy = set(self._jobs.values()).union(*self._journal.instead.values())
        for sample in self._choose.sample(self._samples, self._choose.randint(1, 3)):
            if sample.number not in busy:
                self._journal.note("add", [sample.number])
                self.say("adding")
                job = self._index.submit(sample.name, sample.data)
                self._jobs[job.job_id] = sample.number

    def _replace(self) -> None:
        in_flight = {self._samples[number].name for number in self._jobs.values()}
        listed = [d for d in self._index.documents() if d.state == "ready" and d.file_name not in in_flight]
        names = {d.file_name for d in listed}
        listed_ids = {d.doc_id for d in listed}
        fitting = [s for s in self._samples if s.name in names and s.doc_id not in listed_ids]
        if not fitting:
            return self._add()
        sample = self._choose.choice(fitting)
        old = [self._by_id[d.doc_id].number for d in listed if d.file_name == sample.name]
        self._journal.note("replace", [sample.number], replaced=old)
        self.say("adding")
        job = self._index.submit(sample.name, sample.data, replace=True)
        self._jobs[job.job_id] = sample.number
        self._wait("replacing")

    def _delete(self) -> None:
        listed = self._index.documents()
        if listed:
            sample = self._by_id[self._choose.choice(listed).doc_id]
            self._journal.note("delete", [sample.number])
            self.say("deleting")
            try:
                receipt = self._index.delete(sample.doc_id)
            except NotFound:  # it was replaced since it was listed
                receipt = None
            self._unfollow({sample.number})
            if receipt is None or not receipt.left:
                self._journal.note("deleted", [sample.number])

    def _reset(self) -> None:
        self._journal.note("reset")
        self.say("resetting")
        receipt = self._index.reset()
        self._unfollow(set(self._jobs.values()))
        if receipt.left:
            self._troubles.append(f"a reset has left {receipt.left} rows")
        self._journal.note("reset done")

    def _unfollow(self, numbers: set[int]) -> None:
        self._jobs = {job_id: number for job_id, number in self._jobs.items() if number not in numbers}

    def _wait(self, as_what: str = "") -> None:
        until = time.monotonic() + self._choose.choice([0.05, 0.5, 3])
        while self._jobs and time.monotonic() < until:
            self._look(as_what)
            time.sleep(0.002)

    def _look(self, as_what: str = "") -> None:
        jobs = [job for job in self._index.jobs() if job.job_id in self._jobs]
        self.say(f"{as_what} {_stage(jobs)}".strip() or "idle")
        for job in jobs:
            if job.finished:
                number = self._jobs.pop(job.job_id)
                if job.stage in {"ready", "unchanged"}:
                    self._journal.note("ready", [number], chunks=job.chunks)
                elif job.stage == "failed":
                    self._troubles.append(f"{number} failed: {job.error}")


def _stage(jobs: list[Job]) -> str:
    """The furthest that a job is."""
    stages = {job.stage for job in jobs if not job.finished}
    return next((stage for stage in ("indexing", "embedding", "reading", "queued") if stage in stages), "")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--uri", default="")
    parser.add_argument("--seed", default="")
    parser.add_argument("--prefer", default="")
    parser.add_argument("--check-only", action="store_true")
    options = parser.parse_args()
    threading.Thread(target=_end_with, args=[os.getppid()], daemon=True).start()
    worker = Worker(options.folder, options.uri, options.seed, options.prefer)
    print(json.dumps({"checked": worker.check()}), flush=True)
    while not options.check_only:
        for trouble in worker.work():
            print(json.dumps({"trouble": [trouble]}), flush=True)
    os._exit(0)  # the last check leaves as it was killed: there is nothing to be put in order


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
