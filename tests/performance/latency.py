"""`python -m tests.performance.bench latency`: how long a question takes, idle and during an ingest.

And how long an answer's first word takes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

from rich.table import Table

from rag.benchmarks.scratch_library import scratch_library
from rag.cli.console import err, out, print_json
from rag.errors import RagError
from rag.index import DocumentIndex
from rag.schema import Job
from rag.settings import BUNDLED_EMBED_MODEL, Settings
from tests.performance.llm_server import MODEL, LLMServer, llm_server
from tests.performance.spread import Spread, spread
from tests.performance.synthetic import Corpus, text_files

CHUNKS = 10_000
TEXTS_OF_A_DOCUMENT = 250
PEOPLE = 10
QUESTIONS = 60
# Questions of each person when PEOPLE ask at the same time.
QUESTIONS_EACH = 15
ANSWERS = 10


@dataclass(frozen=True, slots=True)
class Latency:
    """`idle` and `ingesting` are the times from a question to its passages, by "1 person" and "10 people". `first_word`
    is the time from the LLM server's first word to Docent's."""

    chunks: int
    idle: dict[str, Spread]
    ingesting: dict[str, Spread]
    first_word: Spread

    @property
    def ratios(self) -> dict[str, float]:
        """The 95th percentile during an ingest as a multiple of the idle 95th percentile."""
        return {people: self.ingesting[people].p95 / self.idle[people].p95 for people in self.idle}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("--chunks", type=int, default=CHUNKS, metavar="N", help=f"of the library ({CHUNKS})")


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Measure and print, which takes minutes. Returns 0. Raises RagError. The library is always deleted."""
    measured = measure(settings, max(1, options.chunks), lambda step: err.print(step, style="dim"))
    if options.json:
        print_json({**asdict(measured), "ratios": measured.ratios})
    else:
        _print(measured)
    return 0


def measure(settings: Settings, chunks: int, tell: Callable[[str], object]) -> Latency:
    """Measure with the bundled model, the settings' Milvus, and at least `chunks` chunks. `tell` gets each step.

    Raises RagError.
    """
    corpus = Corpus()
    with (
        llm_server() as server,
        scratch_library(
            settings,
            embed_model=BUNDLED_EMBED_MODEL,
            embed_base_url="",
            openai_base_url=server.url,
            openai_model=MODEL,
        ) as index,
    ):
        files = text_files(corpus, TEXTS_OF_A_DOCUMENT)
        ingested = 0
        while ingested < chunks:
            results = index.ingest([next(files)])
            if results[0].status == "failed":
                raise RagError(str(results[0].error))
            ingested += results[0].chunks
            tell(f"Ingested {ingested:,} of {chunks:,} chunks")
        _ask(index, corpus, 5)  # first questions take longer, so they aren't counted
        tell("Asking while nothing else happens")
        idle = _by_people(index, corpus, lambda: None)
        first_word = _first_words(index, corpus, server)
        tell("Asking during an ingest")
        jobs: list[Job] = []

        def keep_busy() -> None:
            if not jobs or index.jobs()[-1].finished:
                jobs.append(index.submit(*next(files)))
                while index.jobs()[-1].stage != "embedding":
                    time.sleep(0.01)

        ingesting = _by_people(index, corpus, keep_busy)
    return Latency(ingested, idle, ingesting, first_word)


def _by_people(index: DocumentIndex, corpus: Corpus, before_each: Callable[[], object]) -> dict[str, Spread]:
    alone = []
    for _ in range(QUESTIONS):
        before_each()
        alone += _ask(index, corpus, 1)
    with ThreadPoolExecutor(PEOPLE) as people:
        together: list[float] = []
        for _ in range(QUESTIONS_EACH):
            before_each()
            for times in people.map(lambda _: _ask(index, corpus, 1), range(PEOPLE)):
                together += times
    return {"1 person": spread(alone), f"{PEOPLE} people": spread(together)}


def _ask(index: DocumentIndex, corpus: Corpus, count: int) -> list[float]:
    times = []
    for _ in range(count):
        question, _ = corpus.question()
        began = time.perf_counter()
        index.search(question)
        times.append(1000 * (time.perf_counter() - began))
    return times


def _first_words(index: DocumentIndex, corpus: Corpus, server: LLMServer) -> Spread:
    times = []
    for _ in range(ANSWERS):
        words = iter(index.ask(corpus.question()[0]).tokens)
        next(words)
        times.append(1000 * (time.perf_counter() - server.first_bytes[-1]))
        list(words)
    return spread(times)


def _print(measured: Latency) -> None:
    table = Table(box=None)
    for heading in ("", "idle, median ms", "95th", "ingesting, median ms", "95th", "times as long"):
        table.add_column(heading, justify="right" if heading else "left")
    for people, ratio in measured.ratios.items():
        idle, ingesting = measured.idle[people], measured.ingesting[people]
        times = (idle.median, idle.p95, ingesting.median, ingesting.p95)
        table.add_row(people, *(f"{value:.0f}" for value in times), f"{ratio:.1f}")
    out.print(f"Question to passages, {measured.chunks:,} chunks")
    out.print(table)
    first = measured.first_word
    out.print(f"From the LLM server's first word to ours: {first.median:.0f} ms (95th percentile {first.p95:.0f})")
