from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from rag.errors import StoreUnavailable
from rag.vector_store.batching import SharedRequests

PATIENCE = 10.0


class Sender:
    """Answers `(kind, asked)`, and notes what was sent. While `open` isn't set, requests are under way."""

    def __init__(self, most: int = 1000, at_once: int = 1, seconds: float | None = None) -> None:
        self.shared: SharedRequests[str, Any, Any] = SharedRequests(self._send, lambda kind: most, at_once, seconds)
        self.requests: list[tuple[str, list[Any]]] = []
        self.under_way = self.most_under_way = 0
        self.error: BaseException | None = None  # of the next request
        self.bad: set[Any] = set()
        self.missing = 0
        self.open = asyncio.Event()
        self.open.set()

    async def _send(self, kind: str, asked: list[Any]) -> list[Any]:
        self.requests.append((kind, asked))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await self.open.wait()
            await asyncio.sleep(0)
            error, self.error = self.error, None
            if error:
                raise error
            if self.bad & set(asked):
                raise ValueError("bad")
            return [(kind, each) for each in asked][self.missing :]
        finally:
            self.under_way -= 1

    def ask(self, *asked: Any, kind: str = "dense") -> list[asyncio.Task[Any]]:
        return [asyncio.create_task(self.shared.ask(kind, each)) for each in asked]

    @property
    def remembered(self) -> int:
        """How many kinds are kept."""
        return len(self.shared._queues)


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(scenario(), PATIENCE))


async def everything_that_can_run() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_what_is_asked_at_the_same_time_goes_in_one_request_and_each_gets_its_own_answer() -> None:
    async def scenario() -> None:
        sender = Sender()
        answers = await asyncio.gather(*sender.ask(*range(100)))
        assert answers == [("dense", number) for number in range(100)]
        assert sender.requests == [("dense", list(range(100)))]

    run(scenario)


def test_a_single_question_waits_for_no_company() -> None:
    async def scenario() -> None:
        sender = Sender()
        assert await sender.shared.ask("dense", 1) == ("dense", 1)
        assert await sender.shared.ask("dense", 2) == ("dense", 2)
        assert sender.requests == [("dense", [1]), ("dense", [2])]

    run(scenario)


def test_what_is_asked_meanwhile_goes_along_with_the_next_request() -> None:
    async def scenario() -> None:
        sender = Sender()
        sender.open.clear()
        first = sender.ask(1)
        await everything_that_can_run()
        second = []
        for number in (2, 3, 4):
            second += sender.ask(number)
            await everything_that_can_run()
        assert sender.requests == [("dense", [1])]
        sender.open.set()
        assert await asyncio.gather(*first, *second) == [("dense", number) for number in (1, 2, 3, 4)]
        assert sender.requests == [("dense", [1]), ("dense", [2, 3, 4])]

    run(scenario)


@pytest.mark.parametrize(("most", "sizes"), [(1, [1] * 7), (3, [3, 3, 1]), (7, [7]), (8, [7])])
def test_no_request_takes_more_than_it_may(most: int, sizes: list[int]) -> None:
    async def scenario() -> None:
        sender = Sender(most=most)
        assert await asyncio.gather(*sender.ask(*range(7))) == [("dense", number) for number in range(7)]
        assert [len(asked) for _, asked in sender.requests] == sizes

    run(scenario)


@pytest.mark.parametrize("at_once", [1, 2, 4])
def test_no_more_requests_are_under_way_than_may_be(at_once: int) -> None:
    async def scenario() -> None:
        sender = Sender(most=2, at_once=at_once)
        assert await asyncio.gather(*sender.ask(*range(40))) == [("dense", number) for number in range(40)]
        assert sender.most_under_way == at_once

    run(scenario)


def test_kinds_share_nothing_and_do_not_wait_for_each_other() -> None:
    async def scenario() -> None:
        sender = Sender()
        sender.open.clear()
        tasks = [*sender.ask(1, kind="dense"), *sender.ask(2, kind="lexical"), *sender.ask(3, kind="dense")]
        await everything_that_can_run()
        assert sender.requests == [("dense", [1, 3]), ("lexical", [2])]
        assert sender.under_way == 2
        sender.open.set()
        assert await asyncio.gather(*tasks) == [("dense", 1), ("lexical", 2), ("dense", 3)]

    run(scenario)


@pytest.mark.parametrize("number", [1, 2, 3, 8, 100])
def test_one_bad_question_fails_alone(number: int) -> None:
    async def scenario() -> None:
        sender = Sender()
        sender.bad = {number - 1}
        found = await asyncio.gather(*sender.ask(*range(number)), return_exceptions=True)
        assert found[:-1] == [("dense", each) for each in range(number - 1)]
        assert str(found[-1]) == "bad"
        assert len(sender.requests) <= 1 + 2 * number.bit_length()

    run(scenario)


def test_all_of_many_bad_questions_fail() -> None:
    async def scenario() -> None:
        sender = Sender()
        sender.bad = {0, 3, 4}
        found = await asyncio.gather(*sender.ask(*range(6)), return_exceptions=True)
        assert [number for number, each in enumerate(found) if isinstance(each, ValueError)] == [0, 3, 4]

    run(scenario)


def test_being_away_reaches_all_who_shared_the_request_and_nobody_else() -> None:
    async def scenario() -> None:
        sender = Sender()
        sender.open.clear()
        sender.error = StoreUnavailable("away")
        first = sender.ask(1, 2, 3)
        await everything_that_can_run()
        later = sender.ask(4)
        sender.open.set()
        assert [str(error) for error in await asyncio.gather(*first, return_exceptions=True)] == ["away"] * 3
        assert await asyncio.gather(*later) == [("dense", 4)]
        assert await sender.shared.ask("dense", 5) == ("dense", 5)

    run(scenario)


def test_answers_that_are_missing_are_an_error_and_leave_nobody_waiting() -> None:
    async def scenario() -> None:
        sender = Sender()
        sender.missing = 1
        found = await asyncio.gather(*sender.ask(1, 2, 3), return_exceptions=True)
        assert [type(error) for error in found] == [ValueError] * 3
        sender.missing = 0
        assert await sender.shared.ask("dense", 4) == ("dense", 4)

    run(scenario)


def test_whoever_is_cancelled_before_the_request_is_not_sent() -> None:
    async def scenario() -> None:
        sender = Sender()
        sender.open.clear()
        first = sender.ask(1)
        await everything_that_can_run()
        waiting = sender.ask(2, 3, 4)
        await everything_that_can_run()
        waiting[1].cancel()
        await everything_that_can_run()
        sender.open.set()
        found = await asyncio.gather(*first, *waiting, return_exceptions=True)
        assert [each for each in found if isinstance(each, tuple)] == [("dense", number) for number in (1, 2, 4)]
        assert sender.requests == [("dense", [1]), ("dense", [2, 4])]

    run(scenario)


def test_whoever_is_cancelled_during_the_request_takes_nothing_from_the_others() -> None:
    async def scenario() -> None:
        sender = Sender()
        sender.open.clear()
        tasks = sender.ask(1, 2, 3)
        await everything_that_can_run()
        tasks[0].cancel()  # the one whose question started the request
        await everything_that_can_run()
        sender.open.set()
        assert await asyncio.gather(*tasks[1:]) == [("dense", 2), ("dense", 3)]
        assert tasks[0].cancelled()

    run(scenario)


def test_nothing_is_sent_when_all_who_asked_are_gone() -> None:
    async def scenario() -> None:
        sender = Sender()
        sender.open.clear()
        first = sender.ask(1)
        await everything_that_can_run()
        gone = sender.ask(2, 3)
        await everything_that_can_run()
        for task in gone:
            task.cancel()
        sender.open.set()
        await asyncio.gather(*first, *gone, return_exceptions=True)
        assert sender.requests == [("dense", [1])]

    run(scenario)


def test_a_request_that_is_cancelled_from_below_leaves_nobody_waiting() -> None:
    """As gRPC does with what is under way when its channel is closed."""

    async def scenario() -> None:
        sender = Sender()
        sender.open.clear()
        sender.error = asyncio.CancelledError()
        first = sender.ask(1)
        await everything_that_can_run()
        second = sender.ask(2)
        await everything_that_can_run()
        sender.open.set()
        await asyncio.wait([*first, *second])
        assert all(task.cancelled() for task in first + second)
        assert await sender.shared.ask("dense", 3) == ("dense", 3)

    run(scenario)


def test_whoever_has_no_answer_in_time_is_told_and_the_others_get_theirs() -> None:
    async def scenario() -> None:
        sender = Sender(seconds=0.2)
        sender.open.clear()
        late = sender.ask(1)
        await asyncio.sleep(0.05)
        late += sender.ask(2)  # waits for the first request, and never becomes part of one
        with pytest.raises(TimeoutError):
            await late[0]
        with pytest.raises(TimeoutError):
            await late[1]
        in_time = sender.ask(3)
        await everything_that_can_run()
        sender.open.set()
        assert await in_time[0] == ("dense", 3)
        assert sender.requests == [("dense", [1]), ("dense", [3])]
        assert sender.remembered == 0

    run(scenario)


def test_whoever_has_waited_too_long_is_not_asked_for_again() -> None:
    async def scenario() -> None:
        sender = Sender(seconds=0.05)
        sender.open.clear()
        sender.bad = {1}
        late = sender.ask(1, 2, 3, 4)
        assert [type(each) for each in await asyncio.gather(*late, return_exceptions=True)] == [TimeoutError] * 4
        sender.open.set()
        await everything_that_can_run()
        assert sender.requests == [("dense", [1, 2, 3, 4])]

    run(scenario)


def test_nothing_is_kept_when_nobody_asks() -> None:
    async def scenario() -> None:
        sender = Sender(most=2, at_once=3)
        tasks = [task for number in range(30) for task in sender.ask(number, kind=str(number % 10))]
        tasks[7].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        sender.error = OSError("away")
        await asyncio.gather(*sender.ask(1, 2, 3), return_exceptions=True)
        await everything_that_can_run()
        assert sender.remembered == 0

    run(scenario)
