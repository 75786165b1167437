"""What failed and may pass is tried again, after pauses that grow, and that differ: many must not return at once."""

from __future__ import annotations

import logging
from collections.abc import Callable

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_exponential_jitter,
)

logger = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 8.0


def retrying(
    may_pass: Callable[[BaseException], bool],
    seconds: float,
    attempts: int | None = None,
    wanted: Callable[[BaseException], float | None] = lambda error: None,
) -> AsyncRetrying:
    """Awaits a function until it succeeds; `await retrying(…)(function)`.

    Another attempt is made where `may_pass` says so of the exception, it would begin within `seconds` of the first, and
    there weren't so many `attempts` yet; else the exception is raised. `wanted` gives the pause in seconds that the
    other side asks for, if it does.
    """
    growing = wait_exponential_jitter(
        multiplier=FIRST_PAUSE_SECONDS, max=LONGEST_PAUSE_SECONDS, jitter=FIRST_PAUSE_SECONDS
    )

    def pause(state: RetryCallState) -> float:
        asked = wanted(_error(state))
        return growing(state) if asked is None else max(asked, 0.0)

    def note(state: RetryCallState) -> None:
        pause_ms = round(1000 * state.upcoming_sleep)
        logger.info("an attempt failed, another one follows", exc_info=_error(state), extra={"ms": pause_ms})

    return AsyncRetrying(
        retry=retry_if_exception(may_pass),
        wait=pause,
        stop=stop_before_delay(seconds) | stop_after_attempt(attempts) if attempts else stop_before_delay(seconds),
        before_sleep=note,
        reraise=True,
    )


def _error(state: RetryCallState) -> BaseException:
    error = state.outcome.exception() if state.outcome else None
    assert error is not None  # nothing else is tried again
    return error
