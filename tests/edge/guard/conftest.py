"""A simulated site and real guard processes upon it."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from portillon_config import GatewayConfig, load
from portillon_drivers.site_control import SiteControl
from portillon_edge.guard.client import GuardClient
from portillon_edge.guard.identity import outputs_digest
from portillon_edge.guard.spawn import GuardSpawner

WAIT_S = 20.0
CONFIG = """\
[gateway]
id = "gw1"
mode = "test"
data_dir = "data"
guard_socket = "guard.sock"
[site]
keys = [{ key_id = "k1", secret_file = "site.key" }]
[cloud]
broker = "mqtt://127.0.0.1:1883"
keys = [{ kid = "c1", public = "%s", usages = ["feed"] }]
""" % ("00" * 32)
LANE = """
[[readers]]
name = "reader{n}"
type = "id12la"
path = "lane{n}-reader"
[[outputs]]
name = "relay{n}"
type = "lcus_relay"
path = "lane{n}-relay"
wiring = "energise_to_release"
max_on_ms = {max_on_ms}
continuous = {continuous}
[[doors]]
name = "lane{n}"
kind = "door"
zone = "gym"
readers = ["reader{n}"]
output = "relay{n}"
pulse_ms = 50
"""


class Site:
    """Two simulated lanes (relay1 may be held), a configuration, and the guards and clients of a test on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config_path = folder / "gateway.toml"
        self.configure(max_on_ms=2_000)
        self._processes: list[subprocess.Popen[bytes]] = []
        self._ends: list[Callable[[], None]] = []
        lanes = self._start("-m", "portillon_drivers.simulated_site", "--dir", str(folder), stdout=subprocess.PIPE)
        assert lanes.stdout is not None and b"ready" in lanes.stdout.readline()
        lanes.stdout.close()
        self.control = SiteControl(folder / "control.sock")

    def configure(self, max_on_ms: int) -> GatewayConfig:
        lanes = "".join(LANE.format(n=n, max_on_ms=max_on_ms, continuous=str(n == 1).lower()) for n in (1, 2))
        self.config_path.write_text(CONFIG + lanes, encoding="utf-8")
        return load(self.config_path)

    def guard(self, *arguments: str, stderr: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        return self._start("-m", "portillon_edge.guard", "--config", str(self.config_path), *arguments, stderr=stderr)

    def client(self, *, spawn: bool = False) -> "Client":
        client = Client(load(self.config_path), GuardSpawner(self.config_path) if spawn else None)
        self._ends.append(client.end)
        return client

    def releasing(self, lane: int) -> bool:
        return bool(self.control.lanes()[lane - 1]["releasing"])

    def wait_releasing(self, lane: int, expected: bool) -> None:
        wait_until(lambda: self.releasing(lane) is expected)

    def wait_releases(self, lane: int, count: int) -> None:
        def ended() -> bool:
            state = self.control.lanes()[lane - 1]
            return bool(state["releases"] == count and not state["releasing"])

        wait_until(ended)

    def end(self) -> None:
        for end in self._ends:
            end()
        self.control.close()
        for process in reversed(self._processes):
            process.terminate()
            process.wait(WAIT_S)

    def _start(self, *arguments: str, **pipes: int) -> subprocess.Popen[bytes]:
        self._processes.append(subprocess.Popen([sys.executable, *arguments], **pipes))
        return self._processes[-1]


class Client:
    """A GuardClient in its thread, and what it was told."""

    def __init__(self, config: GatewayConfig, spawner: GuardSpawner | None) -> None:
        self.guard = GuardClient(
            config.gateway.guard_path,
            outputs_digest=outputs_digest(config.outputs),
            clock_ns=time.monotonic_ns,
            spawner=spawner,
        )
        self.told: list[object] = []
        self._news = threading.Condition()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.guard.run, args=(self._hear, self._stop))
        self._thread.start()

    def wait_for(self, kind: type, after: int = 0, **fields: object) -> object:
        def fits(message: object) -> bool:
            return isinstance(message, kind) and all(getattr(message, key) == fields[key] for key in fields)

        with self._news:
            assert self._news.wait_for(lambda: any(map(fits, self.told[after:])), WAIT_S), self.told
            return next(message for message in self.told[after:] if fits(message))

    def end(self) -> None:
        self._stop.set()
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive(), "a client must obey `stop`"

    def _hear(self, message: object) -> None:
        with self._news:
            self.told.append(message)
            self._news.notify_all()


def wait_until(condition: Callable[[], bool]) -> None:
    until_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < until_s, "it did not happen"
        time.sleep(0.005)


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("s"))  # short: a socket's path may have 107 bytes
    yield site
    site.end()
