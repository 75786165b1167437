"""Every setting of the product. No other module reads the environment."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from rag.errors import SettingsError
from rag.secrets import as_logged, secrets_of_address, without_password

ConsistencyLevel = Literal["Strong", "Bounded", "Session", "Eventually"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
Ocr = Literal["auto", "off", "tesseract", "rapidocr", "llm"]

DEFAULT_EMBED_MODEL = "BAAI/bge-base-en-v1.5"
BUNDLED_EMBED_MODEL = "bundled"
DEFAULT_OPENAI_MODEL = "gpt-5.4-mini"

# Held while the environment is read, and while MILVUS_URI is hidden in it.
_environment = threading.RLock()


def _limit(default: int, most: int, description: str) -> Any:
    """The field of a setting that limits use: a whole number from 1 to `most`. `Settings.limits` lists these fields."""
    return Field(default, ge=1, le=most, description=f"{description}, 1 to {most}", json_schema_extra={"limit": True})


class Settings(BaseSettings):
    """Values from keyword arguments, then environment variables of the same names, then `.env`, then defaults.

    Raises SettingsError for a wrong value; the message names the setting and the values it takes.

    CONTRIBUTING.md says how to add a setting. Errors, `doctor` and the settings page read `model_fields`.
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
        0, ge=0, le=10_000_000, description="the model's context window in tokens; 0 means the known size, or 8192"
    )
    llm_timeout: float = Field(
        60, gt=0, le=3600, description="seconds to wait for the LLM's next word, above 0 and at most 3600"
    )

    ocr: Ocr = Field(
        "auto", description="auto, off, tesseract, rapidocr, or llm, which sends pages that are pictures to the LLM"
    )

    rerank_model: str = Field("", description="a Hugging Face cross-encoder id or folder; empty for none")

    database_url: SecretStr = Field(
        SecretStr(""), description="an SQLAlchemy URL, such as postgresql+psycopg://user:password@host/database"
    )
    data_dir: Path = Field(Path("data"), description="a folder for uploads, the catalog and Milvus Lite")

    # Limits are so generous that normal use never meets them. Documents are counted in one collection, jobs in one
    # process. Questions are counted on the chat page only, so no limit slows down a program. All sessions of the page
    # count together, since anyone can open more sessions.
    max_upload_mb: int = _limit(200, 10_000, "the largest file in megabytes")
    max_documents: int = _limit(100_000, 100_000_000, "the most documents in a collection")
    max_jobs: int = _limit(10_000, 1_000_000, "the most documents on their way into the library")
    questions_per_minute: int = _limit(300, 1_000_000, "the most questions in a minute, of all chat pages together")
    max_question_characters: int = _limit(10_000, 1_000_000, "the longest question in characters")

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
            # A message repeats no secret, and not all of a long value.
            value = without_password(str(first.get("input")))[:80]
            given = "" if field is None or field.annotation is SecretStr else f" {value!r}"
            raise SettingsError(f"{name.upper()} has a wrong value{given}: it takes {takes}.") from error

    @field_validator("consistency_level", mode="before")
    @classmethod
    def _any_case(cls, value: object) -> object:
        return value.strip().capitalize() if isinstance(value, str) else value

    @field_validator("ocr", mode="before")
    @classmethod
    def _lower_case(cls, value: object) -> object:
        return value.strip().lower() if isinstance(value, str) else value

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
        """The Milvus URI in force: MILVUS_URI, or Milvus Lite in the data folder."""
        return self.milvus_uri or str(self.data_dir / "milvus.db")

    @property
    def milvus_shown(self) -> str:
        """The Milvus URI without a password in it."""
        return without_password(self.milvus_address)

    @property
    def milvus_is_lite(self) -> bool:
        """Whether Milvus is a file that Milvus Lite opens in this process."""
        return "://" not in self.milvus_address

    @property
    def milvus_key(self) -> str:
        """The name of this Milvus in the catalog: its URI, or the full path of a Lite file, which doesn't depend on the
        working folder."""
        return str(Path(self.milvus_shown).resolve()) if self.milvus_is_lite else self.milvus_shown

    @property
    def database_address(self) -> str:
        """The SQLAlchemy URL in force: DATABASE_URL, or SQLite in the data folder."""
        return self.database_url.get_secret_value() or f"sqlite:///{self.data_dir / 'docent.sqlite3'}"

    def with_milvus(self, uri: str, token: str) -> Settings:
        """The same settings with another Milvus. Where these name Milvus Lite, which needs no token itself,
        MILVUS_TOKEN is the default of `token`. Raises SettingsError for a wrong URI."""
        if self.milvus_is_lite:
            token = token or self.milvus_token.get_secret_value()
        return Settings(**{**self.model_dump(), "milvus_uri": uri, "milvus_token": token})

    @property
    def embed_model_chosen(self) -> bool:
        """Whether EMBED_MODEL was given; else the default is in force."""
        return "embed_model" in self.model_fields_set

    @property
    def limits(self) -> dict[str, int]:
        """The values of the settings made by `_limit`, by their names in the environment."""
        return {name.upper(): getattr(self, name) for name, field in type(self).model_fields.items() if _limits(field)}

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that nothing may show or log: keys, tokens, passwords and logins, also from addresses. Each text
        comes as it is, and as Python and JSON quote it. The longest texts come first."""
        values = [getattr(self, name) for name in type(self).model_fields]
        secrets = {value.get_secret_value().strip() for value in values if isinstance(value, SecretStr)}
        secrets.add(self.milvus_token.get_secret_value().partition(":")[2])  # of user:password
        addresses = (self.milvus_uri, self.embed_base_url, self.openai_base_url, self.database_url.get_secret_value())
        for address in addresses:
            secrets |= secrets_of_address(address)
        return as_logged(secrets)

    def shown(self) -> dict[str, str]:
        """Each setting's value as text, by its name in the environment. A secret is shown as "set" or "not set"."""
        values = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, SecretStr):
                value = "set" if value.get_secret_value() else "not set"
            values[name.upper()] = without_password(str(value))
        values["MILVUS_URI"] = self.milvus_shown
        return values


def _limits(field: FieldInfo) -> bool:
    return isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("limit") is True


@contextmanager
def milvus_uri_hidden() -> Iterator[None]:
    """Hide MILVUS_URI from pymilvus, which reads it while it is imported, and refuses the path of a Lite file.

    MILVUS_URI is emptied, not deleted: pymilvus loads `.env` into the environment, but overwrites no variable.
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
