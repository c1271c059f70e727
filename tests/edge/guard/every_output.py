"""One output of every kind that a guard drives, seen from its far side, and processes to be killed."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portillon_config import load
from portillon_drivers.far_end import FarEnd
from portillon_drivers.options import Wiring
from portillon_drivers.outputs.lcus_relay_simulator import LcusBoardSimulator
from portillon_drivers.outputs.modbus_relay_simulator import ModbusRelayBoardSimulator
from portillon_drivers.pty_line import PtyLine
from portillon_edge.guard.client import GuardClient
from portillon_edge.guard.identity import outputs_digest
from portillon_edge.guard.protocol import GuardEvent

WAIT_S = 20.0
PIN = 17
OUTPUT = "out"
CONFIG = """\
[gateway]
id = "gw1"
mode = "test"
data_dir = "data"
guard_socket = "guard.sock"
[site]
keys = [{{ key_id = "k1", secret_file = "site.key" }}]
[cloud]
broker = "mqtt://127.0.0.1:1883"
keys = [{{ kid = "c1", public = "{zeros}", usages = ["feed"] }}]
[[readers]]
name = "reader"
type = "id12la"
path = "reader"
[[outputs]]
name = "out"
{section}
wiring = "{wiring}"
max_on_ms = 60_000
continuous = true
[[doors]]
name = "door"
kind = "door"
pulse_ms = 500
zone = "gym"
readers = ["reader"]
output = "out"
"""
SERIAL = 'path = "board"\nchannel = 1\n'


@dataclass(frozen=True, slots=True)
class Kind:
    """A section of the configuration, and whether its board ends a release without any guard."""

    section: str
    wiring: Wiring
    times_itself: bool = False


KINDS: Mapping[str, Kind] = {
    "lcus_relay": Kind(f'type = "lcus_relay"\n{SERIAL}', Wiring.ENERGISE_TO_RELEASE),
    "modbus_relay": Kind(f'type = "modbus_relay"\naddress = 1\n{SERIAL}', Wiring.ENERGISE_TO_LOCK),
    "modbus_relay, flash": Kind(
        f'type = "modbus_relay"\naddress = 1\nflash = true\n{SERIAL}', Wiring.ENERGISE_TO_RELEASE, times_itself=True
    ),
    "modbus_relay, flash off": Kind(
        f'type = "modbus_relay"\naddress = 1\nflash = true\n{SERIAL}', Wiring.ENERGISE_TO_LOCK, times_itself=True
    ),
    "gpio": Kind(
        f'type = "gpio"\npin = {PIN}\nenergised_level = "low"\npin_factory = "mock"', Wiring.ENERGISE_TO_RELEASE
    ),
}


class Scene:
    """One output's far side, its configuration, and the guards and gateways that a test starts and kills."""

    def __init__(self, folder: Path, kind: Kind, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._pins = "gpio" in kind.section
        self._released = threading.Event()
        self._released_ns = 0
        self._releasing_when_energised = kind.wiring is Wiring.ENERGISE_TO_RELEASE
        self._config_path = folder / "gateway.toml"
        self._config_path.write_text(CONFIG.format(zeros="00" * 32, section=kind.section, wiring=kind.wiring))
        self._energised = self._levels() if self._pins else self._board(kind)

    def releasing(self) -> bool:
        """What somebody at the door would find."""
        return self._energised() is self._releasing_when_energised

    def wait_releasing(self, expected: bool) -> int:
        """Wait for it; when it was seen, in ns of the monotonic clock."""
        until_s = time.monotonic() + WAIT_S
        while self.releasing() is not expected:
            assert time.monotonic() < until_s, "it did not happen"
            time.sleep(0.000_5)
        return time.monotonic_ns()

    def next_release_ns(self) -> int:
        """When the release came that was asked for just before, as exactly as this process can see it."""
        if self._pins:
            until_ns = time.monotonic_ns() + int(WAIT_S * 1e9)
            while not self.releasing():
                assert time.monotonic_ns() < until_ns, "it did not happen"
                time.sleep(0.000_02)  # spinning would take the guard's processor
            return time.monotonic_ns()
        assert self._released.wait(WAIT_S), "it did not happen"
        self._released.clear()
        return self._released_ns

    def client(self, hear: Callable[[GuardEvent], None]) -> GuardClient:
        """A gateway's end in this process; its thread ends with the scene."""
        config = load(self._config_path)
        client = GuardClient(
            config.gateway.guard_path, outputs_digest=outputs_digest(config.outputs), clock_ns=time.monotonic_ns
        )
        stop = threading.Event()
        thread = threading.Thread(target=client.run, args=(hear, stop))
        self._stack.callback(thread.join)
        self._stack.callback(stop.set)
        thread.start()
        return client

    def guard(self) -> subprocess.Popen[bytes]:
        """Start one; it serves once a gateway was heard."""
        module = ["edge.guard.guard_with_watched_pins", str(self._folder / "levels")]
        return self._start(*(module if self._pins else ["portillon_edge.guard"]), "--config", str(self._config_path))

    def gateway(self, *what: str) -> subprocess.Popen[bytes]:
        """Start one that asks for that ("release", "500", or "hold"); returns once it was told of the release."""
        config = load(self._config_path)
        gateway = self._start(
            "edge.guard.asking_gateway", str(config.gateway.guard_path), outputs_digest(config.outputs), OUTPUT, *what,
            stdout=subprocess.PIPE,
        )  # fmt: skip
        assert gateway.stdout is not None
        assert gateway.stdout.readline() == b"released\n"
        self.wait_releasing(True)
        return gateway

    def kill(self, *victims: subprocess.Popen[bytes]) -> int:
        """SIGKILL, all at once; when, in ns of the monotonic clock."""
        for victim in victims:
            victim.send_signal(signal.SIGSTOP)  # so that none lives to see another one's death
        for victim in victims:
            victim.kill()
        killed_ns = time.monotonic_ns()
        for victim in victims:
            victim.wait(WAIT_S)
        return killed_ns

    def _start(self, *arguments: str, **pipes: int) -> subprocess.Popen[bytes]:
        tests = Path(__file__).parents[2]
        process = subprocess.Popen([sys.executable, "-m", *arguments], cwd=tests, stderr=subprocess.DEVNULL, **pipes)
        self._stack.callback(_end, process)
        return process

    def _board(self, kind: Kind) -> Callable[[], bool]:
        if "lcus" in kind.section:
            lcus = LcusBoardSimulator(1)

            def receive(data: bytes) -> bytes:
                list(lcus.receive(data))
                return b""  # the board never answers

            self._plug(receive)
            return lambda: lcus.energised(1)
        board = ModbusRelayBoardSimulator(1, 1, flashes=kind.times_itself)
        self._plug(lambda data: board.receive(data, time.monotonic_ns()))
        return lambda: board.energised(1, time.monotonic_ns())

    def _plug(self, receive: Callable[[bytes], bytes]) -> None:
        def heard(data: bytes) -> bytes:
            heard_ns, before = time.monotonic_ns(), self.releasing()
            answer = receive(data)
            if self.releasing() and not before:
                self._released_ns = heard_ns
                self._released.set()
            return answer

        far_end = FarEnd(PtyLine(self._folder / "board"), heard)
        self._stack.callback(far_end.close)
        far_end.plug()

    def _levels(self) -> Callable[[], bool]:
        levels = self._folder / "levels"
        levels.write_bytes(bytes(28))
        seen = os.open(levels, os.O_RDONLY)
        self._stack.callback(os.close, seen)
        return lambda: os.pread(seen, 1, PIN) == b"\0"  # active-low


@contextmanager
def scene(folder: Path, kind: str) -> Iterator[Scene]:
    """Everything started in it has ended after it."""
    with ExitStack() as stack:
        yield Scene(folder, KINDS[kind], stack)


def _end(process: subprocess.Popen[Any]) -> None:
    process.kill()
    process.wait(WAIT_S)
    if process.stdout is not None:
        process.stdout.close()
