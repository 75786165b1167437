from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Awaitable, Callable, Iterator

import pytest

from rag.embeddings.embedder import Embedder, EmbedderThreads
from rag.errors import EmbeddingError
from rag.ingestion import embedding
from rag.ingestion.embedding import EmbeddingQueue, Item, by_work
from rag.ingestion.jobs import JobBook, Work
from rag.schema import Chunk

PATIENCE = 30.0
POISON = "poison"


class NumberModel:
    """The vector of a text that begins with a number has that number as its angle. Chokes on POISON."""

    name, fingerprint, tokenizer, max_tokens, threads, batch_size = "numbers", "print", None, 256, 2, 32

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.open = threading.Event()
        self.open.set()

    def embed_query(self, question: str) -> list[float]:
        return [1.0, 0.0]

    def embed_texts(self, texts: list[str], *, background: bool) -> list[list[float]]:
        self.open.wait(PATIENCE)
        self.seen += texts
        if any(POISON in text for text in texts):
            raise ValueError(POISON)
        return [angle(text) for text in texts]

    def is_away(self, error: Exception) -> bool:
        return False


def angle(text: str) -> list[float]:
    first = text.partition(" ")[0]
    return [math.cos(int(first)), math.sin(int(first))] if first.isdigit() else [1.0, 0.0]


class Pipeline:
    """A queue at work. `failed` are the documents that it reports."""

    def __init__(self, threads: EmbedderThreads) -> None:
        self.model = NumberModel()
        self.embedder = Embedder(self.model)  # type: ignore[arg-type]
        self.model.seen.clear()
        self.book = JobBook()
        self.failed: list[tuple[Work, Exception]] = []
        self.prepare_error: Exception | None = None
        self.queue = EmbeddingQueue(threads, self._prepare, self._fail)
        self.running: asyncio.Task[None] | None = None

    async def _prepare(self) -> Embedder:
        if self.prepare_error:
            raise self.prepare_error
        return self.embedder

    async def _fail(self, work: Work, error: Exception) -> None:
        self.failed.append((work, error))
        work.finish("failed", error=str(error))

    def start(self) -> None:
        self.running = asyncio.create_task(self.queue.run())

    def work(self, name: str = "a.txt") -> Work:
        return self.book.add(name.encode().hex(), name, "queued")

    def items(self, work: Work, count: int, text: str = "words") -> list[Item]:
        """Of many lengths, so that they are sorted into another order."""
        return [Item(work, n, Chunk("", None, 0, 0), f"{n} {text} {'x' * (n * 37 % 50)}", "") for n in range(count)]

    async def put(self, items: list[Item]) -> None:
        for item in items:
            await self.queue.put(item)

    async def take(self, count: int) -> list[Item]:
        taken: list[Item] = []
        while len(taken) < count:
            taken += await self.queue.take()
        return taken


@pytest.fixture
def threads() -> Iterator[EmbedderThreads]:
    pools = EmbedderThreads()
    yield pools
    pools.close()


def run(threads: EmbedderThreads, scenario: Callable[[Pipeline], Awaitable[None]]) -> None:
    async def with_pipeline() -> None:
        pipeline = Pipeline(threads)
        try:
            async with asyncio.timeout(PATIENCE):
                await scenario(pipeline)
        finally:
            pipeline.model.open.set()
            if pipeline.running:
                pipeline.running.cancel()

    asyncio.run(with_pipeline())


async def everything_that_can_run() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.mark.parametrize("count", [1, 7, 8, 9, 255, 257, 2 * embedding.WAITING_CHUNKS + 1])
def test_every_item_comes_back_with_the_vector_of_its_own_text(threads: EmbedderThreads, count: int) -> None:
    async def scenario(pipeline: Pipeline) -> None:
        pipeline.start()
        work = pipeline.work()
        _, taken = await asyncio.gather(pipeline.put(pipeline.items(work, count)), pipeline.take(count))
        assert sorted(item.number for item in taken) == list(range(count))
        assert all(item.vector == angle(item.text) for item in taken)
        assert work.embedded == work.job.done == count
        assert pipeline.failed == []

    run(threads, scenario)


def test_documents_that_come_at_the_same_time_are_embedded_together_and_counted_apart(threads: EmbedderThreads) -> None:
    async def scenario(pipeline: Pipeline) -> None:
        works = [pipeline.work(f"{n}.txt") for n in range(30)]
        for n, work in enumerate(works):
            await pipeline.put(pipeline.items(work, n))
        pipeline.start()
        taken = await pipeline.take(sum(range(30)))
        assert [work.embedded for work in works] == list(range(30))
        assert {part[0].work.job.file_name: len(part) for part in by_work(taken)} == {
            f"{n}.txt": n for n in range(1, 30)
        }

    run(threads, scenario)


def test_a_text_that_cannot_be_embedded_fails_its_own_document_only(threads: EmbedderThreads) -> None:
    async def scenario(pipeline: Pipeline) -> None:
        good, bad, other = (pipeline.work(name) for name in ("good.txt", "bad.txt", "other.txt"))
        # Of like length, so that they go through the embedder with each other.
        parts = [pipeline.items(good, 3), pipeline.items(bad, 3, POISON), pipeline.items(other, 3)]
        for items in zip(*parts, strict=True):
            await pipeline.put(list(items))
        pipeline.start()
        taken = await pipeline.take(6)
        assert {item.work.job.file_name for item in taken} == {"good.txt", "other.txt"}
        assert all(item.vector == angle(item.text) for item in taken)
        assert {work for work, _ in pipeline.failed} == {bad}
        assert all(isinstance(error, EmbeddingError) for _, error in pipeline.failed)
        assert (good.embedded, bad.embedded, other.embedded) == (3, 0, 3)
        # And the queue goes on.
        await pipeline.put(pipeline.items(good, 2))
        assert len(await pipeline.take(2)) == 2

    run(threads, scenario)


def test_a_model_that_cannot_be_had_fails_the_documents_and_is_asked_again_for_the_next(
    threads: EmbedderThreads,
) -> None:
    async def scenario(pipeline: Pipeline) -> None:
        pipeline.prepare_error = EmbeddingError("no model")
        one, two = pipeline.work("1.txt"), pipeline.work("2.txt")
        await pipeline.put([*pipeline.items(one, 2), *pipeline.items(two, 2)])
        pipeline.start()
        assert await pipeline.queue.take() == []
        assert {work for work, _ in pipeline.failed} == {one, two}
        pipeline.prepare_error = None
        await pipeline.put(pipeline.items(pipeline.work("3.txt"), 2))
        assert len(await pipeline.take(2)) == 2

    run(threads, scenario)


def test_readers_wait_while_too_much_waits_for_the_embedder(
    threads: EmbedderThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding, "WAITING_CHUNKS", 10)

    async def scenario(pipeline: Pipeline) -> None:
        items = pipeline.items(pipeline.work(), 25)
        await pipeline.put(items[:10])
        waiting = asyncio.create_task(pipeline.put(items[10:]))
        await everything_that_can_run()
        assert not waiting.done()
        pipeline.start()
        assert len(await pipeline.take(25)) == 25
        await waiting

    run(threads, scenario)


def test_nothing_piles_up_while_nobody_takes_what_is_embedded(
    threads: EmbedderThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding, "WAITING_CHUNKS", 10)
    monkeypatch.setattr(embedding, "WAITING_CALLS", 2)
    total = 2000

    async def scenario(pipeline: Pipeline) -> None:
        pipeline.start()
        putting = asyncio.create_task(pipeline.put(pipeline.items(pipeline.work(), total)))
        before = 0
        while not pipeline.model.seen:
            await asyncio.sleep(0.01)
        while len(pipeline.model.seen) > before:  # until it stands still
            before = len(pipeline.model.seen)
            await asyncio.sleep(0.1)
        assert 0 < before < total / 2
        assert not putting.done()
        assert len(await pipeline.take(total)) == total

    run(threads, scenario)


def test_cancelled_documents_are_neither_embedded_nor_given_back(threads: EmbedderThreads) -> None:
    async def scenario(pipeline: Pipeline) -> None:
        wanted, unwanted = pipeline.work("wanted.txt"), pipeline.work("unwanted.txt")
        await pipeline.put([*pipeline.items(wanted, 5), *pipeline.items(unwanted, 5, "unwanted")])
        unwanted.finish("cancelled")
        pipeline.start()
        assert {item.work for item in await pipeline.take(5)} == {wanted}
        assert not any("unwanted" in text for text in pipeline.model.seen)
        assert pipeline.failed == []

    run(threads, scenario)


def test_taking_does_not_wait_for_more_than_is_under_way(
    threads: EmbedderThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding, "INSERT_SECONDS", 10 * PATIENCE)

    async def scenario(pipeline: Pipeline) -> None:
        pipeline.start()
        for count in (1, 3, 50):
            await pipeline.put(pipeline.items(pipeline.work(f"{count}.txt"), count))
            assert len(await pipeline.queue.take()) == count
        gone = pipeline.work("gone.txt")
        await pipeline.put(pipeline.items(gone, 3))
        gone.finish("cancelled")
        assert await pipeline.queue.take() == []

    run(threads, scenario)


def test_many_small_documents_make_few_inserts(threads: EmbedderThreads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "INSERT_SECONDS", 10 * PATIENCE)

    async def scenario(pipeline: Pipeline) -> None:
        for n in range(400):
            await pipeline.put(pipeline.items(pipeline.work(f"{n}.txt"), 1))
        pipeline.start()
        sizes = [len(await pipeline.queue.take())]
        while sum(sizes) < 400:
            sizes.append(len(await pipeline.queue.take()))
        assert min(sizes[:-1]) >= embedding.INSERTED_TOGETHER

    run(threads, scenario)
