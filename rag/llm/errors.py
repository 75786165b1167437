"""Failures of a server that speaks OpenAI's protocol → LLMError with one sentence, which says what to do.

No sentence holds a key. The log holds no text from a server, since it may quote the key or the prompt.
"""

from __future__ import annotations

import json
import logging
import math
import re
import time
from email.utils import parsedate_to_datetime

import httpx
import openai

from rag.errors import LLMError
from rag.llm.client import OPENAI_URL, Endpoint

logger = logging.getLogger(__name__)

# Servers word these two refusals differently, and many send no code for them.
_NO_SUCH_MODEL = re.compile(
    r"(invalid|unknown|no such) model|\bmodel\b.{0,120}\b(not found|not exist|not available)", re.I
)
_TOO_LONG = re.compile(r"context.?(length|window|size)|maximum context|(too many|exceed\w*) .{0,40}tokens", re.I)
# Raised for an answer that isn't in OpenAI's form, such as a web page.
_MALFORMED = (json.JSONDecodeError, UnicodeDecodeError, openai.APIResponseValidationError, AttributeError, TypeError)


def as_llm_error(error: Exception, endpoint: Endpoint, timeout: float | None = None) -> LLMError:
    """The LLMError to raise for `error`. Give `timeout` (seconds) if another than the endpoint's was in force."""
    if isinstance(error, LLMError):
        return error
    logger.warning("LLM request failed: %s, status %s", type(error).__name__, getattr(error, "status_code", None))
    return LLMError(_sentence(error, endpoint, timeout or endpoint.timeout))


def safe_cause(error: Exception) -> Exception | None:
    """The cause to give to an LLMError. A logged traceback shows the cause, and the refusal of a key may quote the key,
    so a refusal is left out."""
    return None if isinstance(error, openai.AuthenticationError | LLMError) else error


def _sentence(error: Exception, endpoint: Endpoint, timeout: float) -> str:
    where = endpoint.name
    match error:
        case openai.APIStatusError():
            return _status_sentence(error, endpoint)
        case _ if isinstance(error.__cause__, httpx.ConnectTimeout):
            return _unreachable(endpoint)
        case TimeoutError() | openai.APITimeoutError() | httpx.TimeoutException():
            return f"{where} sent nothing for {timeout:g} seconds: try again, or raise LLM_TIMEOUT."
        case openai.APIConnectionError():
            return _unreachable(endpoint)
        case httpx.HTTPError():
            return f"{where} broke off before the answer was complete: try again."
        case _ if isinstance(error, _MALFORMED):
            return f"{where} sent something that is no chat answer: check that OPENAI_BASE_URL is right, or try again."
        case openai.APIError():
            return f"{where} reported an error while answering: {_quoted(error, endpoint.key)}"
    return f"{where} failed unexpectedly ({type(error).__name__}): try again."


def _status_sentence(error: openai.APIStatusError, endpoint: Endpoint) -> str:
    status, code, message = error.status_code, error.code or "", error.message
    where, model = endpoint.name, endpoint.model or "the model"
    if code == "model_not_found" or (status in {400, 404} and _NO_SUCH_MODEL.search(message)):
        return f"{where} has no chat model called {model!r}: set OPENAI_MODEL to one that it has."
    if status == 401:
        return f"{where} refused the key: check OPENAI_API_KEY."
    if status == 403:
        return f"{where} refused access: check what OPENAI_API_KEY is allowed to do."
    if status == 404:
        return f"{where} answered 'not found': OPENAI_BASE_URL mostly ends in /v1, and OPENAI_MODEL names a model."
    if status == 429 and code == "insufficient_quota":
        return f"{where} says that the account's quota is used up: check its plan and billing."
    if status == 429:
        return f"{where} is getting too many requests: {_later(error)}."
    if code == "context_length_exceeded" or (status in {400, 413} and _TOO_LONG.search(message)):
        return (
            f"The question with its passages is too long for {model}: start a new conversation, "
            "or set OPENAI_CONTEXT_WINDOW to what the model takes."
        )
    if status == 503:
        return f"{where} isn't ready to answer (status 503), busy or still loading: {_later(error)}."
    if status >= 500:
        return f"{where} had an internal error (status {status}): try again in a moment."
    return f"{where} refused the request (status {status}): {_quoted(error, endpoint.key)}"


def wanted_pause(error: BaseException) -> float | None:
    """The seconds to wait before the next attempt, from the server's header Retry-After (RFC 9110, section 10.2.3);
    None if it names none."""
    if not isinstance(error, openai.APIStatusError):
        return None
    if error.status_code == 400:  # the next attempt sends other options, so it needs no pause
        return 0.0
    value = error.response.headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", value):
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError, OSError):
        return None


def _later(error: openai.APIStatusError) -> str:
    seconds = math.ceil(wanted_pause(error) or 0)
    return f"wait {seconds} seconds, then try again" if seconds > 1 else "wait a little, then try again"


def _unreachable(endpoint: Endpoint) -> str:
    if endpoint.url == OPENAI_URL:
        return "OpenAI can't be reached: check the network connection."
    return f"{endpoint.name} can't be reached: check that it is running, and OPENAI_BASE_URL."


def _quoted(error: openai.APIError, key: str) -> str:
    """The server's words on one line of at most 200 characters, without the key."""
    body = error.body
    text = str(body.get("message") or error.message) if isinstance(body, dict) else error.message
    if len(key) > 4:  # a shorter one is a placeholder, and occurs in any text
        text = text.replace(key, "…")
    text = " ".join(text.split())
    return text if len(text) <= 200 else text[:199] + "…"
