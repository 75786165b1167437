"""Turns of conversations while their answers are being written, each on its own thread.

A page only watches a turn: `text` grows, and the conversation has the answer when the turn is done. A click in the
page doesn't end the turn, nor does closing the page.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, Protocol

from rag.errors import Cancelled, LimitReached, RagError
from rag.llm.speech import without_thoughts
from rag.schema import Evidence, Job, Message, Passage
from rag.settings import Settings

# Imported for types only: the chat page imports this module before it is drawn, and needn't wait for the engine.
if TYPE_CHECKING:
    from rag.answering.answer import Answer
    from rag.answering.inputs import History
    from rag.storage.conversations import Conversations

logger = logging.getLogger(__name__)

STOPPED = "Stopped."
FAILED = "Something went wrong while answering. The application's log has the details."

POLL_SECONDS = 0.2


class Index(Protocol):
    """The part of `DocumentIndex` that a turn uses. `rag.index` is below this room, so it can't be imported."""

    @property
    def settings(self) -> Settings: ...

    @property
    def conversations(self) -> Conversations: ...

    def jobs(self) -> list[Job]: ...

    def ask(
        self,
        question: str,
        history: History = (),
        doc_ids: Collection[str] | None = None,
        *,
        on_wait: Callable[[], object] | None = None,
    ) -> Answer: ...


class Turn:
    """A turn that is being written. `text` and `passages` may be read at any time.

    `wait_for` are ids of jobs. The search begins once they have finished.
    """

    def __init__(
        self,
        index: Index,
        conversation_id: str,
        question: str,
        history: Sequence[Message],
        doc_ids: Sequence[str] | None,
        wait_for: Sequence[str] = (),
    ) -> None:
        self.conversation_id = conversation_id
        self.question = question
        self.stage: Literal["reading", "searching", "writing"] = "reading" if wait_for else "searching"
        self.text = ""
        self.passages: Sequence[Passage] = ()
        self.extractive = False
        self._index, self._history, self._doc_ids, self._wait_for = index, list(history), doc_ids, set(wait_for)
        self._stopping = threading.Event()
        self._done = threading.Event()
        threading.Thread(target=self._run, name="answer", daemon=True).start()

    @property
    def done(self) -> bool:
        return self._done.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait for the end, at most `seconds`. Returns whether the turn is done."""
        return self._done.wait(seconds)

    def stop(self) -> None:
        """Stop answering; the part that arrived is kept."""
        self._stopping.set()

    def _check(self) -> None:
        if self._stopping.is_set():
            raise Cancelled(STOPPED)

    def _run(self) -> None:
        try:
            self._answer()
        finally:
            self._done.set()

    def _answer(self) -> None:
        answer: Answer | None = None
        error: str | None = None
        try:
            self._await_jobs()
            self.stage = "searching"
            answer = self._index.ask(self.question, self._history, self._doc_ids, on_wait=self._check)
            self.passages, self.extractive, self.stage = answer.passages, answer.extractive, "writing"
            for token in answer.tokens:
                self.text = without_thoughts(self.text + token)
                self._check()
        except (Cancelled, asyncio.CancelledError):  # stopped by the user, or by the end of the process
            error = STOPPED
        except RagError as failure:
            error = str(failure)
        except Exception:
            logger.exception("answering failed")
            error = FAILED
        self._keep(answer, error)

    def _await_jobs(self) -> None:
        while self._wait_for & {job.job_id for job in self._index.jobs() if not job.finished}:
            self._check()
            self._stopping.wait(POLL_SECONDS)

    def _keep(self, answer: Answer | None, error: str | None) -> None:
        try:
            if answer is not None and error is not None:
                answer.stop()
            evidence = answer.evidence() if answer else Evidence(question=self.question)
            message = Message("assistant", answer.text if answer else "", replace(evidence, error=error))
            self._index.conversations.add(self.conversation_id, message)
        except Exception:  # the conversation was deleted meanwhile, or the database is gone: there is no one to tell
            logger.exception("an answer couldn't be kept")


class Turns:
    """The running turns of the process, at most one for each conversation."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: dict[str, Turn] = {}
        self._asked: deque[float] = deque()  # the times of the last minute's questions

    def start(
        self,
        index: Index,
        conversation_id: str,
        question: str,
        history: Sequence[Message],
        doc_ids: Sequence[str] | None,
        wait_for: Sequence[str] = (),
    ) -> Turn:
        """Begin to answer an admitted question. The conversation's last turn must be done or stopped."""
        with self._lock:
            self._turns = {key: turn for key, turn in self._turns.items() if not turn.done}
            turn = Turn(index, conversation_id, question, history, doc_ids, wait_for)
            self._turns[conversation_id] = turn
            return turn

    def admit(self, index: Index) -> None:
        """Count a question. Call it before anything that can't be undone is done for the question.

        Raises LimitReached if there were QUESTIONS_PER_MINUTE in the last minute. The limit is one for all sessions
        together, since a browser can open any number of sessions. There is none for commands, and for programs that
        call `ask`.
        """
        most = index.settings.questions_per_minute
        with self._lock:
            now = time.monotonic()
            while self._asked and now - self._asked[0] > 60:
                self._asked.popleft()
            if len(self._asked) >= most:
                seconds = 61 - int(now - self._asked[0])
                raise LimitReached(
                    f"Docent answers {_counted(most, 'question')} in a minute; ask again in "
                    f"{_counted(seconds, 'second')}, or raise QUESTIONS_PER_MINUTE."
                )
            self._asked.append(now)

    def running(self, conversation_id: str | None) -> Turn | None:
        """The conversation's turn that isn't done yet, or None."""
        with self._lock:
            turn = self._turns.get(conversation_id or "")
        return turn if turn and not turn.done else None

    def stop(self, conversation_id: str | None, seconds: float = 5) -> None:
        """Stop the conversation's turn, and wait at most `seconds` until the part that arrived is kept."""
        turn = self.running(conversation_id)
        if turn:
            turn.stop()
            turn.wait(seconds)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
