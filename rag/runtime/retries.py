"""Calls are tried again after failures that may pass. Pauses grow, and are random, so that callers don't all return at
once."""

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
    """`await retrying(…)(function)` awaits the function until it succeeds.

    Another attempt is made if `may_pass` is true for the exception, if the attempt would begin within `seconds` of the
    first, and if fewer than `attempts` were made. Else the exception is raised. `wanted` returns the pause in seconds
    that a server has asked for, or None.
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
    assert error is not None  # only a failed attempt is tried again
    return error
