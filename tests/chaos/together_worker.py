"""A process of `together`: many people at once on one library, each on a thread, doing one thing after the other.

Reads a line for each command and answers with a line of JSON: `round SECONDS SEED` (let people work), `settle` (wait
until nothing is under way), `verify` (check the library while nothing is under way), `end`.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import random
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rag import DocumentIndex, LLMError, NotFound, RagError, Settings
from rag.schema import Job, Message

# What one thing that a person does may take at most, a rebuilding of the collection by others included.
LONGEST_SECONDS = 120
SETTLE_SECONDS = 180
NAMES = 8
VERSIONS = 3
# Paragraphs of a document by its number: most are small, one takes some seconds.
PARAGRAPHS = (1, 2, 3, 1, 12, 2, 120, 1)
SENTENCE = re.compile(r"[^\n]{3,600}[.?!…]", re.DOTALL)
# What a sentence for a person doesn't say.
INTERNALS = re.compile(r"Traceback|Exception|0x[0-9a-f]{6}|asyncio|grpc|sqlalchemy|<class|Milvus refused|Milvus failed")


def word(number: int, version: int) -> str:
    """A word that no other document has."""
    return f"walrus{number}q{version}"


def document(number: int, version: int) -> tuple[str, bytes]:
    """The same bytes wherever they are asked for."""
    text = "\n\n".join(
        f"Paragraph {n} of report {number} names the {word(number, version)} in its edition {version}. " * 3
        for n in range(PARAGRAPHS[number])
    )
    return f"report {number}.txt", text.encode()


class Crowd:
    """The people, their operations, and the failures."""

    def __init__(self, index: DocumentIndex) -> None:
        self.index = index
        self.done: Counter[str] = Counter()
        self.sentences: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.lock = threading.Lock()
        self.began: dict[str, tuple[str, float]] = {}
        # The conversation of each reader, and the messages that it must hold.
        self.talks: dict[str, tuple[str, list[tuple[str, str]]]] = {}

    def note(self, what: str) -> None:
        with self.lock:
            if len(self.wrong) < 100:
                self.wrong.append(what)

    def work(self, seconds: float, seed: int) -> None:
        end = time.monotonic() + seconds
        people = [
            threading.Thread(target=self._live, args=(f"{kind} {n}", deeds, random.Random(f"{seed} {kind} {n}"), end))
            for kind, number, deeds in (("librarian", 5, LIBRARIAN), ("reader", 10, READER))
            for n in range(number)
        ]
        for person in people:
            person.start()
        while any(person.is_alive() for person in people):
            time.sleep(0.2)
            now = time.monotonic()
            for name, (deed, since) in list(self.began.items()):
                if now - since > LONGEST_SECONDS:
                    self.note(f"{name} hangs in {deed}")
                    faulthandler.dump_traceback(sys.stderr)
                    return

    def _live(self, name: str, deeds: dict[str, int], dice: random.Random, end: float) -> None:
        while time.monotonic() < end:
            (deed,) = dice.choices(list(deeds), list(deeds.values()))
            self.began[name] = (deed, time.monotonic())
            self.attempt(deed, lambda deed=deed: getattr(self, deed)(dice, name))  # type: ignore[misc]
            del self.began[name]
            time.sleep(dice.random() * 0.3)

    def attempt(self, deed: str, call: Callable[[], object]) -> None:
        """Do it; an error must be one sentence for a person."""
        try:
            call()
            outcome = "done"
        except RagError as error:
            outcome = type(error).__name__
            self.read(deed, str(error))
        except Exception as error:
            outcome = "broken"
            self.note(f"{deed}: {error!r}")
            import traceback

            traceback.print_exc()
        with self.lock:
            self.done[f"{deed} {outcome}"] += 1

    def read(self, deed: str, sentence: str) -> None:
        if not SENTENCE.fullmatch(sentence) or INTERNALS.search(sentence):
            self.note(f"{deed} isn't a sentence for a person: {sentence!r}")
        with self.lock:
            self.sentences[re.sub(r"[0-9a-f]{32,}|\d+", "N", sentence)] += 1

    def wait(self, job: Job, seconds: float = LONGEST_SECONDS) -> Job:
        end = time.monotonic() + seconds

        def check(_: object) -> None:
            if time.monotonic() > end:
                raise TimeoutError(f"{job.file_name} is in stage {job.stage}")

        (finished,) = self.index.wait([job], on_progress=check)
        if finished.error:
            self.read(f"job {finished.stage}", finished.error)
        return finished

    # --- librarians

    def add(self, dice: random.Random, _: str) -> None:
        job = self.index.submit(*document(dice.randrange(NAMES), dice.randrange(VERSIONS)))
        if dice.random() < 0.7:
            self.wait(job)

    def replace(self, dice: random.Random, _: str) -> None:
        self.wait(self.index.submit(*document(dice.randrange(NAMES), dice.randrange(VERSIONS)), replace=True))

    def add_and_cancel(self, dice: random.Random, _: str) -> None:
        job = self.index.submit(*document(dice.choice([4, 6]), dice.randrange(VERSIONS)))
        time.sleep(dice.random() * 2)
        self.index.cancel(job.job_id)
        self.wait(job)

    def delete(self, dice: random.Random, _: str) -> None:
        documents = self.index.documents()
        if documents:
            receipt = self.index.delete(dice.choice(documents).doc_id)
            if receipt.left:
                self.note(f"{receipt.left} rows left of a deleted document")

    def retry(self, dice: random.Random, _: str) -> None:
        failed = [document for document in self.index.documents() if document.state == "failed"]
        if failed:
            self.wait(self.index.retry(dice.choice(failed).doc_id))

    def reset(self, dice: random.Random, _: str) -> None:
        self.index.reset()

    def reset_twice(self, dice: random.Random, _: str) -> None:
        other = threading.Thread(target=self.attempt, args=("reset", self.index.reset))
        other.start()
        self.index.reset()
        other.join()

    def reindex(self, dice: random.Random, _: str) -> None:
        for job in self.index.reindex():
            self.wait(job)

    def look(self, dice: random.Random, _: str) -> None:
        documents = self.index.documents()
        if len({document.doc_id for document in documents}) != len(documents):
            self.note("a document is listed twice")
        self.index.size(), self.index.status(), self.index.jobs(), self.index.suggestions()
        self.index.dismiss()

    # --- readers

    def search(self, dice: random.Random, _: str) -> None:
        number, version = dice.randrange(NAMES), dice.randrange(VERSIONS)
        for passage in self.index.search(f"What is said of the {word(number, version)}?", top_k=5):
            if "walrus" not in passage.text or not passage.file_name.startswith("report "):
                self.note(f"a passage from nowhere: {passage}")

    def chat(self, dice: random.Random, name: str) -> None:
        if name not in self.talks:
            self.talks[name] = (self.index.conversations.create(f"Of {name}").conversation_id, [])
        talk, _ = self.talks[name]
        question = f"What is said of the {word(dice.randrange(NAMES), dice.randrange(VERSIONS))}?"
        self._say(name, Message("user", question))
        history = self.index.conversations.messages(talk)[-6:-1]
        text, error, evidence = "", None, None
        try:
            answer = self.index.ask(question, history)
            for token in answer.tokens:
                text += token
            text, evidence = answer.text, answer.evidence()
        except LLMError as failure:
            raise RuntimeError(f"the language model is there: {failure}") from failure
        except RagError as failure:
            error = failure
        self._say(name, Message("assistant", text, evidence))
        if error is not None:
            raise error

    def browse(self, dice: random.Random, _: str) -> None:
        documents = self.index.documents()
        if documents:
            chosen = dice.choice(documents)
            self.index.original(chosen.doc_id)
            if "walrus" not in self.index.page_text(chosen.doc_id):
                self.note("a document without its text")

    def forget_talk(self, dice: random.Random, _: str) -> None:
        """Somebody else deletes the conversation that one is in."""
        talk = self.index.conversations.create("Soon gone").conversation_id
        other = threading.Thread(target=self.index.conversations.delete, args=(talk,))
        other.start()
        try:
            for _ in range(5):
                self.index.conversations.add(talk, Message("user", "Is anybody there?"))
        except NotFound as error:
            self.read("chat", str(error))
        other.join()
        if self.index.conversations.messages(talk):
            self.note("messages are left of a deleted conversation")

    def _say(self, name: str, message: Message) -> None:
        talk, said = self.talks[name]
        self.index.conversations.add(talk, message)
        said.append((message.role, message.content))

    # --- afterwards

    def settle(self) -> None:
        """Wait until nothing is under way, in this process and in others."""
        end = time.monotonic() + SETTLE_SECONDS
        while True:
            busy = [job for job in self.index.jobs() if not job.finished]
            pending = [document.file_name for document in self.index.documents() if document.state == "pending"]
            if not busy and not pending:
                return
            if time.monotonic() > end:
                self.note(f"still under way: jobs {busy}, pending {pending}")
                return
            time.sleep(0.3)

    def verify(self) -> dict[str, int]:
        """While nothing is under way: each listed document must be whole, and there must be nothing else."""
        verification = self.index.verify()
        for finding in verification.findings:
            self.note(f"verification: {finding.kind}: {finding.file_name} {finding.what}")
        findable = 0
        for listed in self.index.documents():
            if listed.state != "ready":
                self.note(f"{listed.file_name} is {listed.state}: {listed.error}")
                continue
            name = re.search(r"walrus\dq\d", self.index.page_text(listed.doc_id))
            passages = self.index.search(name[0] if name else "", top_k=5, doc_ids=[listed.doc_id])
            findable += any(name is not None and name[0] in passage.text for passage in passages)
            if not passages:
                self.note(f"{listed.file_name} is ready and isn't found")
        for talk, said in self.talks.values():
            kept = [(m.role, m.content) for m in self.index.conversations.messages(talk)]
            if kept != said:
                self.note(f"a conversation of {len(said)} messages has {len(kept)}")
        return {"documents": verification.documents, "rows": verification.rows, "found": findable}

    def report(self, **more: Any) -> None:
        with self.lock:
            state = {"done": dict(self.done), "sentences": dict(self.sentences), "wrong": self.wrong, **more}
            self.done, self.sentences, self.wrong = Counter(), Counter(), []
        print(json.dumps(state), flush=True)


LIBRARIAN = {"add": 10, "replace": 4, "add_and_cancel": 3, "delete": 8, "retry": 2, "reset": 1, "reset_twice": 1}
LIBRARIAN |= {"reindex": 1, "look": 6}
READER = {"search": 6, "chat": 5, "browse": 4, "look": 2, "forget_talk": 1}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--uri", default="")
    parser.add_argument("--llm", required=True)
    options = parser.parse_args()
    settings = Settings(
        data_dir=options.folder,
        milvus_uri=options.uri,
        embed_model="bundled",
        collection="together",
        openai_base_url=options.llm,
        openai_api_key="none",
        openai_model="fake",
    )
    with DocumentIndex(settings) as index:
        crowd = Crowd(index)
        crowd.report()
        for line in sys.stdin:
            command, *values = line.split()
            if command == "round":
                crowd.work(float(values[0]), int(values[1]))
                crowd.report()
            elif command == "settle":
                crowd.settle()
                crowd.report()
            elif command == "verify":
                counts: dict[str, int] = {}
                crowd.attempt("verify", lambda: counts.update(crowd.verify()))  # noqa: B023
                crowd.report(**counts)
            else:
                break


if __name__ == "__main__":
    main()
