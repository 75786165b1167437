from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from rag.cli.doctor import USED
from rag.errors import SettingsError
from rag.settings import DEFAULT_EMBED_MODEL, Settings


def test_nothing_configured_means_local_and_without_an_llm() -> None:
    settings = Settings()
    assert settings.milvus_is_lite
    assert settings.milvus_address == str(Path("data") / "milvus.db")
    assert settings.database_address.startswith("sqlite:///")
    assert settings.embed_model == DEFAULT_EMBED_MODEL
    assert not settings.embed_model_chosen
    assert settings.consistency_level == "Bounded"
    assert settings.openai_api_key.get_secret_value() == ""


def test_keyword_beats_environment_beats_dotenv_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("COLLECTION=from_file\nOPENAI_MODEL=from_file\nEMBED_MODEL=bundled\n", "utf-8")
    monkeypatch.setenv("COLLECTION", "from_environment")
    monkeypatch.setenv("OPENAI_MODEL", "from_environment")
    settings = Settings(_env_file=dotenv, collection="from_keyword")
    assert (settings.collection, settings.openai_model, settings.embed_model) == (
        "from_keyword",
        "from_environment",
        "bundled",
    )
    assert settings.embed_model_chosen


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_dotenv_file_is_read_with_and_without_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("COLLECTION=papers\n# 주석\n", encoding)
    assert Settings(_env_file=dotenv).collection == "papers"


@pytest.mark.parametrize("encoding", ["cp949", "utf-16"])
def test_dotenv_file_in_another_encoding_is_one_sentence(tmp_path: Path, encoding: str) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("COLLECTION=papers\n# 주석\n", encoding)
    with pytest.raises(SettingsError, match="UTF-8"):
        Settings(_env_file=dotenv)


def test_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLLECTION", "")
    assert Settings().collection == "docent"


@pytest.mark.parametrize(
    ("name", "value", "takes"),
    [
        ("milvus_uri", "ftp://example.org", "Milvus Lite"),
        ("milvus_uri", "http://", "Milvus Lite"),
        ("milvus_uri", "localhost:19530", "http"),
        ("collection", "한글", "letters, digits and underscores"),
        ("collection", "1st", "letters, digits and underscores"),
        ("collection", "a b", "letters, digits and underscores"),
        ("collection", 'x"; drop', "letters, digits and underscores"),
        ("consistency_level", "Weak", "Strong, Bounded, Session or Eventually"),
        ("embed_model", " ", "Hugging Face"),
        ("embed_base_url", "localhost:8080", "http"),
        ("openai_base_url", "localhost:11434/v1", "http"),
        ("openai_base_url", "http://[", "http"),
        ("openai_context_window", "-1", "0 means"),
        ("llm_timeout", "0", "above 0 and at most 3600"),
        ("llm_timeout", "nan", "at most 3600"),
        ("llm_timeout", "soon", "at most 3600"),
        ("max_upload_mb", "0", "1 to 10000"),
        ("max_upload_mb", "1.5", "1 to 10000"),
        ("max_documents", "0", "1 to 100000000"),
        ("max_jobs", "many", "1 to 1000000"),
        ("questions_per_minute", "-1", "1 to 1000000"),
        ("max_question_characters", "1e9", "1 to 1000000"),
        ("log_level", "TRACE", "DEBUG"),
        ("database_url", "docent.sqlite3", "SQLAlchemy URL"),
    ],
)
def test_wrong_value_is_one_line_that_names_the_setting_and_what_it_takes(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, takes: str
) -> None:
    monkeypatch.setenv(name.upper(), value)
    with pytest.raises(SettingsError) as caught:
        Settings()
    message = str(caught.value)
    assert message.startswith(f"{name.upper()} has a wrong value")
    assert takes in message
    assert "\n" not in message


def test_secret_is_neither_echoed_by_an_error_nor_shown() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings(database_url="hunter2")
    assert "hunter2" not in str(caught.value)
    settings = Settings(openai_api_key="hunter2", milvus_token="", database_url="postgresql://u:hunter2@host/db")
    assert "hunter2" not in repr(settings) + str(settings.shown())
    assert settings.shown()["OPENAI_API_KEY"] == "set"
    assert settings.shown()["MILVUS_TOKEN"] == "not set"


def test_wrong_address_is_told_without_its_password() -> None:
    for name in ("milvus_uri", "openai_base_url", "embed_base_url"):
        with pytest.raises(SettingsError) as caught:
            Settings(**{name: "ftp://root:hunt/er@2@host"})
        assert "hunt" not in str(caught.value) and "@2" not in str(caught.value) and "host" in str(caught.value)


def test_secrets_are_keys_tokens_and_the_passwords_in_addresses_as_they_are_and_decoded() -> None:
    settings = Settings(
        milvus_uri="http://root:milvuspass@host:19530",
        milvus_token="root:tokenpass",
        openai_api_key="sk-key",
        openai_base_url="http://me:web%40pass@host/v1?api_key=querykey&mode=fast",
        database_url="postgresql://me:database@pass@host/db?sslmode=require",
    )
    expected = {"milvuspass", "tokenpass", "sk-key", "web%40pass", "web@pass", "querykey", "database@pass"}
    assert expected <= set(settings.secrets)
    assert not {"host", "fast", "require", "root", ""} & set(settings.secrets)
    lengths = [len(secret) for secret in settings.secrets]
    assert lengths == sorted(lengths, reverse=True), "else a part of a longer one would be left"
    assert not [secret for secret in settings.secrets if secret in str(settings.shown())]
    assert Settings().secrets == ()


def test_secrets_are_known_as_python_and_json_quote_them_and_dummies_are_none() -> None:
    secret = "päss\"'\\word"
    settings = Settings(milvus_token=f"root:{secret}", openai_api_key="none")
    for quoted in (secret, repr(secret)[1:-1], json.dumps(secret)[1:-1]):
        assert quoted in settings.secrets
    assert "none" not in settings.secrets


def test_log_level_is_taken_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().log_level == "INFO"
    monkeypatch.setenv("LOG_LEVEL", "debug")
    assert Settings().log_level == "DEBUG"


def test_limits_are_settings_with_defaults() -> None:
    assert Settings().limits == {
        "MAX_UPLOAD_MB": 200,
        "MAX_DOCUMENTS": 100_000,
        "MAX_JOBS": 10_000,
        "QUESTIONS_PER_MINUTE": 300,
        "MAX_QUESTION_CHARACTERS": 10_000,
    }


def test_no_limit_is_left_out_of_the_limits() -> None:
    named = {
        name.upper()
        for name, field in Settings.model_fields.items()
        if re.search(r"\bthe (most|largest|longest)\b", str(field.description))
    }
    assert set(Settings().limits) == named
    assert set(USED) <= named


def test_long_wrong_value_is_cut_in_the_message() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings(collection="-" * 10_000)
    assert len(str(caught.value)) < 250


def test_misspelt_keyword_is_refused() -> None:
    with pytest.raises(SettingsError, match="MILVUS_URL"):
        Settings(milvus_url="http://localhost:19530")


def test_blanks_around_a_pasted_value_are_dropped() -> None:
    settings = Settings(openai_base_url=" http://localhost:11434/v1/ ", openai_api_key=" sk-1\n", openai_model="m ")
    assert settings.openai_base_url == "http://localhost:11434/v1"
    assert settings.openai_api_key.get_secret_value() == "sk-1"
    assert settings.openai_model == "m"


@pytest.mark.parametrize("given", ["strong", "STRONG", " Strong "])
def test_consistency_level_is_taken_in_any_case(given: str) -> None:
    assert Settings(consistency_level=given).consistency_level == "Strong"


@pytest.mark.parametrize(
    ("uri", "lite"),
    [
        ("./data/milvus.db", True),
        ("http://localhost:19530", False),
        ("https://in03-1.serverless.gcp-us-west1.cloud.zilliz.com", False),
    ],
)
def test_address_tells_milvus_lite_from_a_server(uri: str, lite: bool) -> None:
    settings = Settings(milvus_uri=uri)
    assert settings.milvus_is_lite is lite
    assert settings.milvus_address == uri


def test_data_folder_may_be_in_the_home_folder() -> None:
    assert Settings(data_dir="~/docent").data_dir == Path.home() / "docent"


def test_database_url_beats_the_data_folder() -> None:
    assert Settings(database_url="postgresql://host/db").database_address == "postgresql://host/db"


def test_every_setting_is_described_and_shown() -> None:
    assert all(field.description for field in Settings.model_fields.values())
    assert set(Settings().shown()) == {name.upper() for name in Settings.model_fields}


def test_every_default_is_taken_when_it_is_given() -> None:
    assert Settings(**Settings().model_dump()) == Settings()


def test_every_setting_is_in_the_readme() -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
    assert not [name for name in Settings.model_fields if f"`{name.upper()}`" not in readme]


def test_settings_do_not_change() -> None:
    settings = Settings()
    with pytest.raises(ValidationError):
        settings.collection = "other"


def test_a_password_in_the_milvus_address_is_never_shown() -> None:
    settings = Settings(milvus_uri="http://root:s3cret@host:19530")
    assert "s3cret" not in str(settings.shown()) + settings.milvus_shown
    assert "host:19530" in settings.milvus_shown
