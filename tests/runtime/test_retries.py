from __future__ import annotations

import asyncio
import time

import pytest

from rag.runtime import retries
from rag.runtime.retries import retrying


class Away(Exception):
    """May pass."""


class Server:
    """Is away for the first so many calls."""

    def __init__(self, away: float, error: Exception | None = None) -> None:
        self._away = away
        self._error = error or Away()
        self.calls: list[float] = []

    async def ask(self) -> str:
        self.calls.append(time.monotonic())
        if len(self.calls) <= self._away:
            raise self._error
        return "here"

    @property
    def pauses(self) -> list[float]:
        return [later - earlier for earlier, later in zip(self.calls, self.calls[1:], strict=False)]


def may_pass(error: BaseException) -> bool:
    return isinstance(error, Away)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST_PAUSE_SECONDS", 0.02)


def test_what_passes_is_waited_for_with_growing_pauses() -> None:
    server = Server(4)
    assert asyncio.run(retrying(may_pass, 5)(server.ask)) == "here"
    assert len(server.calls) == 5
    for number, pause in enumerate(server.pauses):
        assert pause >= 0.02 * 2**number


def test_pauses_differ() -> None:
    servers = [Server(1) for _ in range(20)]

    async def together() -> None:
        await asyncio.gather(*(retrying(may_pass, 5)(server.ask) for server in servers))

    asyncio.run(together())
    assert len({round(server.pauses[0], 4) for server in servers}) > 5


def test_what_does_not_pass_is_raised_in_the_end_and_in_time() -> None:
    server, began = Server(1000), time.monotonic()
    with pytest.raises(Away):
        asyncio.run(retrying(may_pass, 0.3)(server.ask))
    assert time.monotonic() - began < 5
    assert len(server.calls) > 2


def test_attempts_are_counted() -> None:
    server = Server(1000)
    with pytest.raises(Away):
        asyncio.run(retrying(may_pass, 60, 3)(server.ask))
    assert len(server.calls) == 3


def test_what_cannot_pass_is_raised_at_once() -> None:
    server = Server(1, KeyError("a bug"))
    with pytest.raises(KeyError):
        asyncio.run(retrying(may_pass, 60)(server.ask))
    assert len(server.calls) == 1


@pytest.mark.parametrize(("wanted", "calls"), [(0.2, 2), (90.0, 1)])
def test_the_pause_that_is_asked_for_is_kept_or_nothing_is_tried_again(wanted: float, calls: int) -> None:
    server = Server(1)
    try:
        asyncio.run(retrying(may_pass, 60, wanted=lambda error: wanted)(server.ask))
    except Away:
        assert calls == 1
    assert len(server.calls) == calls
    assert all(pause >= wanted for pause in server.pauses)


def test_whoever_is_cancelled_tries_no_more() -> None:
    server = Server(1000)

    async def cancel() -> None:
        task = asyncio.create_task(retrying(may_pass, 60)(server.ask))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        calls = len(server.calls)
        await asyncio.sleep(0.1)
        assert len(server.calls) == calls

    asyncio.run(cancel())
