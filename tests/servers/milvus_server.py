"""The real Milvus server of the `milvus` wheel (Linux x86-64), on free ports and in a new folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

START_SECONDS = 120


def free_ports(count: int) -> list[int]:
    """`count` unused ports of 127.0.0.1. All are open at the same time, so that no port comes twice."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [held.getsockname()[1] for held in sockets]


class MilvusServer:
    """The server with its data in `folder`. Each start has the same port and the same data."""

    def __init__(self, folder: Path) -> None:
        # Not imported above, since the wheel exists for Linux on x86-64 only.
        from milvus import MilvusServerConfig, _initialize_data_files

        self._folder = folder
        config = MilvusServerConfig(data_dir=str(folder))
        names = [name for name in config.configurable_items if name.endswith("_port")]
        *ports, self._health_port, etcd_port, etcd_peer_port = free_ports(len(names) + 3)
        # The wheel's launcher looks for free ports one by one, and could pick a port twice.
        config.update(**dict(zip(names, ports, strict=True)))
        for part in ("rootCoord", "proxy", "queryCoord", "queryNode", "indexNode", "dataCoord", "dataNode"):
            # The parts talk over the network. By default they take an outside address, which may lead through a proxy.
            config.set(f"{part}.ip", "127.0.0.1")
        config.resolve()
        _initialize_data_files(str(folder))
        self._etcd_config = _write_etcd_config(folder, etcd_port, etcd_peer_port)
        self._process: subprocess.Popen[bytes] | None = None
        self.port = int(config.get("proxy_port"))
        self.uri = f"http://127.0.0.1:{self.port}"

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def process_group(self) -> int:
        """The group of the running server's processes."""
        assert self._process is not None
        return self._process.pid

    def start(self, *, empty: bool = False) -> None:
        """Start the server and wait until it is healthy. With `empty`, delete the data of earlier runs first.

        Raises RuntimeError with the end of the server's log if it stops or stays unhealthy.
        """
        data = self._folder / "data"
        if empty and data.exists():
            shutil.rmtree(data)
            data.mkdir()
        binary = self._folder / "bin" / "milvus"
        environment = os.environ | {
            "DEPLOY_MODE": "STANDALONE",
            "METRICS_PORT": str(self._health_port),
            "ETCD_CONFIG_PATH": str(self._etcd_config),
            "MILVUS_RUN_DIR": str(self._folder / "run"),
            "LD_LIBRARY_PATH": str(binary.parent),
        }
        log = self._folder / "server.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [binary, "run", "standalone"],
                cwd=self._folder,  # the server reads configs/milvus.yaml from its working folder
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            _wait_until_healthy(self._process, self._health_port, log)
        except RuntimeError:
            self.kill()
            raise

    def kill(self) -> None:
        """Stop the server at once: its orderly shutdown takes more than 20 s. No acknowledged row is lost."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def pause(self) -> None:
        """Freeze the server. Its connections stay open."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let the paused server work again. After a pause longer than its leases, it may end itself."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGCONT)


@contextlib.contextmanager
def running_milvus_server(folder: Path) -> Iterator[str]:
    """Start a server with its data in `folder`, yield its URI once it is healthy, and stop it afterwards.

    Raises RuntimeError with the end of the server's log if it stops or stays unhealthy.
    """
    server = MilvusServer(folder)
    try:
        server.start()
        yield server.uri
    finally:
        server.kill()


def _wait_until_healthy(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as page,
        ):
            if b"OK" in page.read():
                return
        time.sleep(0.2)
    end = log.read_text(errors="replace")[-2000:]
    raise RuntimeError(f"The Milvus server did not become healthy (exit code {process.poll()}):\n{end}")


def _write_etcd_config(folder: Path, port: int, peer_port: int) -> Path:
    """Sets the ports of the embedded etcd (by default 2379 and 2380), which the wheel's configuration can't set."""
    client, peer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer_port}"
    options = {
        "name": "default",
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"default={peer}",
    }
    path = folder / "configs" / "etcd.yaml"
    path.write_text("".join(f"{name}: {value}\n" for name, value in options.items()))
    return path
