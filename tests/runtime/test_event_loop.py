from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from rag.runtime.event_loop import POLL_SECONDS, EventLoopThread

PROMPT = 5.0  # seconds in which a cancellation must have arrived, on a busy machine


@pytest.fixture
def loop() -> Iterator[EventLoopThread]:
    thread = EventLoopThread()
    yield thread
    thread.close()


class Stopped(Exception):
    """What a page's on_wait raises when Stop was pressed."""


class Endless:
    """Coroutine and generator that wait for ever and note how they end."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.cancelled = threading.Event()

    async def wait(self) -> None:
        self.started.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    async def items(self) -> AsyncIterator[int]:
        yield 1
        await self.wait()
        yield 2


def stop() -> None:
    raise Stopped


async def double(number: int) -> int:
    await asyncio.sleep(0)
    return 2 * number


async def numbers(count: int) -> AsyncIterator[int]:
    for number in range(count):
        await asyncio.sleep(0)
        yield number


async def fail(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize("on_wait", [None, lambda: None])
def test_run_gives_the_result(loop: EventLoopThread, on_wait: object) -> None:
    assert loop.run(double(21), on_wait) == 42  # type: ignore[arg-type]


def test_all_coroutines_share_one_loop_on_a_thread_of_its_own(loop: EventLoopThread) -> None:
    async def where() -> tuple[asyncio.AbstractEventLoop, threading.Thread]:
        return asyncio.get_running_loop(), threading.current_thread()

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        places = set(pool.map(lambda _: loop.run(where()), range(8)))
    assert len(places) == 1
    assert places.pop()[1] is not threading.current_thread()


@pytest.mark.parametrize("on_wait", [None, lambda: None])
@pytest.mark.parametrize("error", [ValueError("wrong"), TimeoutError("the coroutine's own")])
def test_run_raises_what_the_coroutine_raises(loop: EventLoopThread, error: Exception, on_wait: object) -> None:
    with pytest.raises(type(error), match=str(error)):
        loop.run(fail(error), on_wait)  # type: ignore[arg-type]


def test_result_that_arrives_just_after_a_wait_ran_out_is_not_lost(
    loop: EventLoopThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Late(concurrent.futures.Future[int]):
        def result(self, timeout: float | None = None) -> int:
            if timeout is not None:
                self.set_result(42)
                raise TimeoutError
            return super().result()

    coroutine = double(21)
    coroutine.close()
    monkeypatch.setattr(loop, "start", lambda _: Late())
    assert loop.run(coroutine, lambda: None) == 42


def test_on_wait_is_called_from_the_callers_thread_while_waiting(loop: EventLoopThread) -> None:
    callers: list[threading.Thread] = []
    loop.run(asyncio.sleep(4 * POLL_SECONDS), lambda: callers.append(threading.current_thread()))
    assert set(callers) == {threading.current_thread()}


def test_what_on_wait_raises_cancels_the_coroutine(loop: EventLoopThread) -> None:
    endless = Endless()
    with pytest.raises(Stopped):
        loop.run(endless.wait(), stop)
    assert endless.cancelled.wait(PROMPT)


@pytest.mark.parametrize("on_wait", [None, lambda: None])
def test_iterate_gives_all_items_in_order(loop: EventLoopThread, on_wait: object) -> None:
    assert list(loop.iterate(numbers(1000), on_wait)) == list(range(1000))  # type: ignore[arg-type]


@pytest.mark.parametrize("error", [ValueError("wrong"), TimeoutError("too late")])
def test_iterate_gives_what_came_before_an_error(loop: EventLoopThread, error: Exception) -> None:
    async def breaks_off() -> AsyncIterator[int]:
        yield 1
        raise error

    items = loop.iterate(breaks_off())
    assert next(items) == 1
    with pytest.raises(type(error), match=str(error)):
        next(items)


def test_closing_the_iterator_cancels_the_generator_where_it_waits(loop: EventLoopThread) -> None:
    endless = Endless()
    items = loop.iterate(endless.items())
    assert next(items) == 1
    assert endless.started.wait(PROMPT)
    items.close()  # type: ignore[attr-defined]
    assert endless.cancelled.wait(PROMPT)


def test_closing_the_iterator_before_its_first_item_starts_nothing(loop: EventLoopThread) -> None:
    endless = Endless()
    loop.iterate(endless.items()).close()  # type: ignore[attr-defined]
    loop.run(asyncio.sleep(0.05))
    assert not endless.started.is_set()


def test_what_on_wait_raises_cancels_the_generator(loop: EventLoopThread) -> None:
    endless = Endless()
    items = loop.iterate(endless.items(), stop)
    with pytest.raises(Stopped):
        list(items)
    assert endless.cancelled.wait(PROMPT)


def test_close_cancels_what_still_runs_and_ends_the_thread() -> None:
    loop = EventLoopThread("to-be-closed")
    endless = Endless()
    future = loop.start(endless.wait())
    assert endless.started.wait(PROMPT)
    loop.close()
    assert endless.cancelled.is_set()
    assert future.cancelled()
    assert "to-be-closed" not in [thread.name for thread in threading.enumerate()]


def test_close_again_does_nothing() -> None:
    loop = EventLoopThread()
    loop.close()
    begin = time.monotonic()
    loop.close()
    assert time.monotonic() - begin < PROMPT


def test_close_waits_for_work_in_threads() -> None:
    loop = EventLoopThread()
    done = threading.Event()

    async def in_a_thread() -> None:
        await asyncio.to_thread(lambda: (time.sleep(0.3), done.set()))

    loop.start(in_a_thread())
    loop.run(asyncio.sleep(0.1))
    loop.close()
    assert done.is_set()
