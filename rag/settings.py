"""Every option of the product. The only module that reads the environment."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit, urlunsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from rag.errors import SettingsError

ConsistencyLevel = Literal["Strong", "Bounded", "Session", "Eventually"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

DEFAULT_EMBED_MODEL = "BAAI/bge-base-en-v1.5"
BUNDLED_EMBED_MODEL = "bundled"
DEFAULT_OPENAI_MODEL = "gpt-5.4-mini"
# Shorter ones are found in any text, as are keys that stand for none, such as "none".
SECRET_CHARACTERS = 6
_SECRET_IN_QUERY = re.compile(r"([?&][^=&]*(?:pass|token|key|secret)[^=&]*=)([^&]*)", re.IGNORECASE)

# Held while the environment is read, and while a part of it is hidden.
_environment = threading.RLock()


class Settings(BaseSettings):
    """Options from keyword arguments, then environment variables of the same names, then `.env`, then defaults.

    Raises SettingsError, naming the setting and what it takes, for a value that doesn't fit.
    """

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        validate_default=False,
        str_strip_whitespace=True,
    )

    milvus_uri: str = Field(
        "",
        description="a path ending in .db (Milvus Lite), http(s)://host:port (server or cluster), or a Zilliz endpoint",
    )
    milvus_token: SecretStr = Field(SecretStr(""), description="user:password or API key of the Milvus server")
    collection: str = Field("docent", description="letters, digits and underscores, not beginning with a digit")
    consistency_level: ConsistencyLevel = Field("Bounded", description="Strong, Bounded, Session or Eventually")

    embed_model: str = Field(
        DEFAULT_EMBED_MODEL, description="a Hugging Face model id, a folder with a model, or 'bundled'"
    )
    embed_base_url: str = Field("", description="http(s)://… of an OpenAI-compatible embeddings server")
    embed_api_key: SecretStr = Field(SecretStr(""), description="the embeddings server's key")

    openai_api_key: SecretStr = Field(SecretStr(""), description="an OpenAI API key, or the compatible server's key")
    openai_base_url: str = Field("", description="http(s)://… of an OpenAI-compatible server, mostly ending in /v1")
    openai_model: str = Field("", description="a model name of that server")
    openai_context_window: int = Field(
        0, ge=0, le=10_000_000, description="the model's context window in tokens; 0 means the known one, or 8192"
    )
    llm_timeout: float = Field(60, gt=0, le=3600, description="seconds to wait for the LLM's next word, 1 to 3600")

    rerank_model: str = Field("", description="a Hugging Face cross-encoder id or folder; empty for none")

    database_url: SecretStr = Field(
        SecretStr(""), description="an SQLAlchemy URL, such as postgresql+psycopg://user:password@host/database"
    )
    data_dir: Path = Field(Path("data"), description="a folder for uploads, the catalog and Milvus Lite")

    # Limits, so generous that nobody meets them who doesn't try to. None holds up programs that measure: documents and
    # jobs are counted in one collection and one process, and questions by the minute where people ask, which is the
    # chat page; there those of all sessions together, since whoever wants more sessions opens them.
    max_upload_mb: int = Field(200, ge=1, le=10_000, description="the largest file in megabytes, 1 to 10000")
    max_documents: int = Field(
        100_000, ge=1, le=100_000_000, description="the most documents in a collection, 1 to 100000000"
    )
    max_jobs: int = Field(
        10_000, ge=1, le=1_000_000, description="the most documents on their way into the library, 1 to 1000000"
    )
    questions_per_minute: int = Field(
        300, ge=1, le=1_000_000, description="the most questions in a minute, of all chat pages together, 1 to 1000000"
    )
    max_question_characters: int = Field(
        10_000, ge=1, le=1_000_000, description="the longest question in characters, 1 to 1000000"
    )

    log_level: LogLevel = Field("INFO", description="DEBUG, which may log text of documents, INFO, WARNING or ERROR")

    def __init__(self, **values: Any) -> None:
        unknown = sorted(set(values) - set(type(self).model_fields) - {"_env_file"})
        if unknown:
            raise SettingsError(f"There is no setting called {unknown[0].upper()}.")
        try:
            with _environment:
                super().__init__(**values)
        except UnicodeDecodeError as error:
            raise SettingsError("The file .env isn't in UTF-8; save it again in that encoding.") from error
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0]) if first["loc"] else "settings"
            field = type(self).model_fields.get(name)
            takes = field.description if field else "another value"
            # Secrets are never echoed, and a value may be long.
            value = _without_password(str(first.get("input")))[:80]
            given = "" if field is None or field.annotation is SecretStr else f" {value!r}"
            raise SettingsError(f"{name.upper()} has a wrong value{given}: it takes {takes}.") from error

    @field_validator("consistency_level", mode="before")
    @classmethod
    def _any_case(cls, value: object) -> object:
        return value.strip().capitalize() if isinstance(value, str) else value

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper_case(cls, value: object) -> object:
        return value.strip().upper() if isinstance(value, str) else value

    @field_validator("collection")
    @classmethod
    def _collection_name(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,200}", value):
            raise ValueError("not a collection name")
        return value

    @field_validator("data_dir")
    @classmethod
    def _home_folder(cls, value: Path) -> Path:
        return value.expanduser()

    @field_validator("milvus_uri")
    @classmethod
    def _milvus_address(cls, value: str) -> str:
        scheme, separator, rest = value.partition("://")
        if separator and (scheme not in {"http", "https", "tcp", "unix"} or not rest):
            raise ValueError("not an address")
        if value and not separator and not value.endswith(".db"):
            raise ValueError("not a Lite file")
        return value

    @field_validator("embed_base_url", "openai_base_url")
    @classmethod
    def _http_address(cls, value: str) -> str:
        if value and (urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).netloc):
            raise ValueError("not an http address")
        return value.rstrip("/")

    @field_validator("openai_api_key")
    @classmethod
    def _possible_key(cls, value: SecretStr) -> SecretStr:
        key = value.get_secret_value().strip()
        if not key.isascii() or not key.isprintable():
            raise ValueError("characters that no key has")
        return value

    @field_validator("embed_model")
    @classmethod
    def _not_blank(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("empty")
        return value.strip()

    @field_validator("database_url")
    @classmethod
    def _database_address(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and "://" not in value.get_secret_value():
            raise ValueError("not a URL")
        return value

    @property
    def milvus_address(self) -> str:
        """The Milvus URI in force: the one given, or Milvus Lite in the data folder."""
        return self.milvus_uri or str(self.data_dir / "milvus.db")

    @property
    def milvus_shown(self) -> str:
        """The Milvus URI without a password in it."""
        return _without_password(self.milvus_address)

    @property
    def milvus_is_lite(self) -> bool:
        return "://" not in self.milvus_address

    @property
    def milvus_key(self) -> str:
        """What the catalog knows this Milvus by: of a Lite file the full path, wherever the command was started."""
        return str(Path(self.milvus_shown).resolve()) if self.milvus_is_lite else self.milvus_shown

    @property
    def database_address(self) -> str:
        """The SQLAlchemy URL in force: the one given, or SQLite in the data folder."""
        return self.database_url.get_secret_value() or f"sqlite:///{self.data_dir / 'docent.sqlite3'}"

    @property
    def names_llm(self) -> bool:
        """Whether there is an LLM: a key is enough, or a server."""
        return bool(self.openai_api_key.get_secret_value().strip() or self.openai_base_url)

    def with_milvus(self, uri: str, token: str) -> Settings:
        """The same settings with another Milvus. Raises SettingsError for a URI that isn't one."""
        return Settings(**{**self.model_dump(), "milvus_uri": uri, "milvus_token": token})

    @property
    def embed_model_chosen(self) -> bool:
        """Whether the embedding model was asked for, and isn't just the default."""
        return "embed_model" in self.model_fields_set

    @property
    def limits(self) -> dict[str, int]:
        """What keeps one from taking all: the settings by their names in the environment."""
        names = ("max_upload_mb", "max_documents", "max_jobs", "questions_per_minute", "max_question_characters")
        return {name.upper(): getattr(self, name) for name in names}

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must be shown and logged nowhere: keys, tokens and passwords, also those in addresses, and
        these as Python and JSON quote them; longest first."""
        values = [getattr(self, name) for name in type(self).model_fields]
        hidden = {value.get_secret_value().strip() for value in values if isinstance(value, SecretStr)}
        hidden.add(self.milvus_token.get_secret_value().partition(":")[2])
        addresses = (self.milvus_uri, self.embed_base_url, self.openai_base_url, self.database_url.get_secret_value())
        for address in addresses:
            # Not by urlsplit, which refuses what isn't quite an address.
            login = address.partition("://")[2].rpartition("@")[0]
            password = login.partition(":")[2]
            hidden |= {login, unquote(login), password, unquote(password)}
            hidden |= {value for _, value in _SECRET_IN_QUERY.findall(address)}
        hidden |= {written for value in hidden for written in (repr(value)[1:-1], json.dumps(value)[1:-1])}
        return tuple(sorted((value for value in hidden if len(value) >= SECRET_CHARACTERS), key=len, reverse=True))

    def shown(self) -> dict[str, str]:
        """Every setting by its name in the environment, fit to be shown: secrets say only whether they are set."""
        values = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, SecretStr):
                value = "set" if value.get_secret_value() else "not set"
            values[name.upper()] = _without_password(str(value))
        values["MILVUS_URI"] = self.milvus_shown
        return values


@contextmanager
def milvus_uri_hidden() -> Iterator[None]:
    """Hide MILVUS_URI from pymilvus, which reads it by itself when it is imported and refuses the path of a Lite file.

    It reads `.env` too, and puts what is there into the environment, but nothing over what the environment has.
    """
    with _environment:
        given = os.environ.get("MILVUS_URI")
        os.environ["MILVUS_URI"] = ""
        try:
            yield
        finally:
            if given is None:
                del os.environ["MILVUS_URI"]
            else:
                os.environ["MILVUS_URI"] = given


def shown_address(url: str) -> str:
    """The address without the user and password that it may hold."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _without_password(address: str) -> str:
    return _SECRET_IN_QUERY.sub(r"\1…", re.sub(r"//\S*@", "//…@", address))
