"""The log: a rotating file in the data folder, one JSON object a line. Nothing is logged to the terminal.

Unless LOG_LEVEL is DEBUG, no line ever holds the text of a document, question or answer, a file's name, or a secret.
This doesn't rely on finding secrets in a line; little is written in the first place:

- This package and the pages log fixed sentences. Their only values are FIELDS: ids, counts, times and names of stages.
  A document is named by the beginning of its id.
- An exception is logged as its type, code and places in the code. Its message is left out, since it may quote anything:
  a parser's message quotes the document, the database's message its address.
- Records of other libraries may hold anything, too, so only their place in the code is logged.

At DEBUG the messages are logged, but without the secrets of the settings.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import time
import uuid
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from types import TracebackType
from typing import Any

from rag.settings import Settings

# The values that a line may hold beside its sentence: ids, counts, milliseconds, the name of a job's stage, and the
# output of `describe` for exceptions in a reader process.
FIELDS = ("doc", "stage", "ms", "documents", "passages", "pages", "chunks", "characters", "failed", "exceptions")
# Characters of an id that are logged: enough to find the document in the catalog.
ID_CHARACTERS = 12
# Of an exception, at most: its chain of causes, the innermost places of each, and characters of each message.
CAUSES = 5
PLACES = 12
MESSAGE_CHARACTERS = 2000
FILE_BYTES = 5_000_000
FILES = 4

# Streamlit runs the pages' scripts under the name __main__.
_OWN = ("rag", "pages", "__main__")
_CODES = ("code", "errno", "status_code", "sqlstate")

_request: ContextVar[str] = ContextVar("request", default="")
_job: ContextVar[str] = ContextVar("job", default="")
logger = logging.getLogger(__name__)


def log_to_file(settings: Settings) -> None:
    """Send this process's records to `docent.log` in the data folder, 4 files of 5 MB. A second call does nothing."""
    root = logging.getLogger()
    if any(isinstance(handler, _LogFile) for handler in root.handlers):
        return
    if not root.handlers:  # else Python prints records that no handler takes
        root.addHandler(logging.NullHandler())
    # A folder that can't be written mustn't stop the app here: whatever needs the folder tells the user.
    with contextlib.suppress(OSError):
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        handler = _LogFile(
            settings.data_dir / "docent.log", maxBytes=FILE_BYTES, backupCount=FILES - 1, encoding="utf-8"
        )
        handler.setFormatter(JsonLines(settings))
        handler.setLevel(settings.log_level)
        root.addHandler(handler)
        for name in _OWN:
            logging.getLogger(name).setLevel(settings.log_level)


class _LogFile(RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:
        """Do nothing if a record can't be written. By default, the terminal would get it with its arguments."""


class JsonLines(logging.Formatter):
    """A record as one line of JSON: time (UTC), level, logger, message, process, FIELDS, and the exceptions."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._secrets = settings.secrets
        self._all = settings.log_level == "DEBUG"

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": self._message(record),
            "process": record.process,
            "request": _request.get(),
            "job": _job.get()[:ID_CHARACTERS],
        }
        line |= {field: vars(record)[field] for field in FIELDS if field in vars(record)}
        if record.exc_info and record.exc_info[1] is not None:
            line["exceptions"] = describe(record.exc_info[1], messages=self._all)
        filled = {key: value for key, value in line.items() if value not in ("", None)}
        return json.dumps(self._without_secrets(filled), ensure_ascii=False, default=lambda value: type(value).__name__)

    def _message(self, record: logging.LogRecord) -> str:
        if record.name.partition(".")[0] not in _OWN and not self._all:
            return f"at {_place(record.pathname, record.lineno, record.funcName)}"
        if record.args and not self._all and isinstance(record.args, tuple):
            record = logging.makeLogRecord(vars(record) | {"args": tuple(_named(value) for value in record.args)})
        return record.getMessage()

    def _without_secrets(self, value: Any) -> Any:
        if isinstance(value, str):
            for secret in self._secrets:
                value = value.replace(secret, "…")
            # Lone surrogates can't be written.
            return value.encode("utf-8", "replace").decode("utf-8")
        if isinstance(value, dict):
            return {key: self._without_secrets(inner) for key, inner in value.items()}
        return [self._without_secrets(inner) for inner in value] if isinstance(value, list) else value


def describe(error: BaseException, *, messages: bool = False) -> list[dict[str, Any]]:
    """An exception and its causes, as the log may show them: types, codes, places, and texts if `messages`."""
    described: list[dict[str, Any]] = []
    cause: BaseException | None = error
    while cause is not None and len(described) < CAUSES:
        kind = type(cause)
        entry: dict[str, Any] = {"type": f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")}
        for name in _CODES:
            code = getattr(cause, name, None)
            if isinstance(code, int) or (name == "sqlstate" and isinstance(code, str)):
                entry[name] = code
        if messages:
            entry["message"] = str(cause)[:MESSAGE_CHARACTERS]
        entry["at"] = _places(cause.__traceback__)
        described.append(entry)
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return described


def _places(trace: TracebackType | None) -> list[str]:
    places = []
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(_place(code.co_filename, trace.tb_lineno, code.co_name))
        trace = trace.tb_next
    return places[-PLACES:]


def _place(path: str, line: int, function: str | None) -> str:
    """A place in the code, by the last folders of its path."""
    return f"{'/'.join(path.replace(os.sep, '/').split('/')[-3:])}:{line} {function or ''}".strip()


def _named(value: object) -> object:
    return type(value).__name__ if isinstance(value, BaseException) else value


@contextlib.contextmanager
def request(kind: str) -> Iterator[dict[str, int]]:
    """One request, such as a search: lines that are logged within carry its id, and its begin and end are logged.

    Counts in the yielded dictionary are logged with the end; their names must be among FIELDS. A request within another
    request has the outer request's id.
    """
    token = _request.set(_request.get() or uuid.uuid4().hex[:ID_CHARACTERS])
    began = time.perf_counter()
    counts: dict[str, int] = {}
    logger.info("%s began", kind)
    try:
        yield counts
    except BaseException as error:
        logger.info("%s failed", kind, exc_info=error, extra={"ms": _since(began)})
        raise
    else:
        logger.info("%s ended", kind, extra={"ms": _since(began), **counts})
    finally:
        _request.reset(token)


@contextlib.contextmanager
def job(job_id: str) -> Iterator[None]:
    """Lines that are logged within carry this job's id."""
    token = _job.set(job_id)
    try:
        yield
    finally:
        _job.reset(token)


def _since(began: float) -> float:
    return round(1000 * (time.perf_counter() - began), 1)
