"""The simulated site as demo and story use it: a process with ptys and a control socket."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from portillon_drivers.errors import TransientDeviceError
from portillon_drivers.events import CredentialRead, InputChanged, ReaderDown, ReaderFault, ReaderFaultKind, ReaderUp
from portillon_drivers.registry import (
    INPUTS,
    OUTPUTS,
    READERS,
    build_inputs,
    build_outputs,
    build_readers,
    options_model,
)
from portillon_drivers.site_control import SiteControl

CARD = "0F0027A46B"
WAIT_S = 10.0


class LittleGateway:
    """Releases lane n at every card that lane n's reader tells; lanes are never locked again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.events: list[Any] = []
        self.stop = threading.Event()
        self._news = threading.Condition()
        self.outputs = [self._device(OUTPUTS, n, f"lane{n}-relay", **RELAY) for n in (1, 2)]
        sections: list[Any] = [self._options(READERS, n, f"lane{n}-reader", type=t) for n, t in LANES]
        inputs: list[Any] = [self._options(INPUTS, n, "inputs", channel=n, **CONTACT) for n in (1, 2)]
        drivers: list[Any] = [*build_readers(sections, time.monotonic_ns), *build_inputs(inputs, time.monotonic_ns)]
        self.threads = [threading.Thread(target=d.run, args=(self._hear, self.stop)) for d in drivers]
        for output in self.outputs:
            output.open()
            output.set(False)
        for thread in self.threads:
            thread.start()
        for n in (1, 2):
            self.wait_for(lambda e, n=n: isinstance(e, ReaderUp) and e.reader == str(n))
            self.wait_for(lambda e, n=n: isinstance(e, InputChanged) and e.name == str(n))

    def wait_for(self, what: Callable[[Any], bool], after: int = 0) -> Any:
        with self._news:
            assert self._news.wait_for(lambda: any(map(what, self.events[after:])), WAIT_S), self.events
            return next(event for event in self.events[after:] if what(event))

    def end(self) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join(WAIT_S)
        for output in self.outputs:
            output.close()

    def _hear(self, event: Any) -> None:
        if isinstance(event, CredentialRead):
            self.outputs[int(event.reader) - 1].set(True)
        with self._news:
            self.events.append(event)
            self._news.notify_all()

    def _options(self, family: Any, n: int, path: str, **options: Any) -> Any:
        section = {"name": str(n), "path": self.folder / path, **options}
        return options_model(family, options["type"]).model_validate(section)

    def _device(self, family: Any, n: int, path: str, **options: Any) -> Any:
        return build_outputs([self._options(family, n, path, **options)], time.monotonic_ns)[0]


LANES = ((1, "rdm6300"), (2, "id12la"))
RELAY = {"type": "lcus_relay", "wiring": "energise_to_release", "max_on_ms": 1_000}
CONTACT = {"type": "modbus", "address": 1, "active": "closed"}


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("s")  # short: a socket's path may have 107 bytes


@pytest.fixture
def start_site(folder: Path) -> Iterator[Callable[..., SiteControl]]:
    ends: list[Callable[[], Any]] = []

    def start(*arguments: str) -> SiteControl:
        process = subprocess.Popen(
            [sys.executable, "-m", "portillon_drivers.simulated_site", "--dir", str(folder), *arguments],
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        assert json.loads(process.stdout.readline()) == {"ready": True, "control": str(folder / "control.sock")}
        process.stdout.close()
        control = SiteControl(folder / "control.sock")
        ends.extend([lambda: process.wait(WAIT_S), process.terminate, control.close])
        return control

    yield start
    for end in reversed(ends):
        end()


@pytest.fixture
def site(start_site: Callable[..., SiteControl]) -> SiteControl:
    return start_site("--lanes", "2")


@pytest.fixture
def gateway(site: SiteControl, folder: Path) -> Iterator[LittleGateway]:
    gateway = LittleGateway(folder)
    yield gateway
    gateway.end()


@pytest.mark.parametrize("lane", [1, 2])
def test_badge_times_card_bytes_against_relay_bytes(site: SiteControl, gateway: LittleGateway, lane: int) -> None:
    """A badge that opens the lane tells how long it took, in nanoseconds on one clock; the push is counted."""
    answer = site.badge(lane, CARD, push=True)
    assert 0 < answer["relay_ns"] < 1_000_000_000
    assert answer["passed"]
    gateway.wait_for(lambda e: isinstance(e, InputChanged) and e.name == str(lane) and e.active)
    state = site.lanes()[lane - 1]
    assert (state["releases"], state["passages"], state["releasing"]) == (1, 1, True)


def test_nothing_opens_for_one_frame_on_an_rdm6300(site: SiteControl, gateway: LittleGateway) -> None:
    """A single frame (a ghost) is refused by the driver: no relay, nobody passes."""
    assert site.badge(1, CARD, push=True, frames=1, wait_ms=400) == {"ok": True, "relay_ns": None, "passed": False}
    gateway.wait_for(lambda e: isinstance(e, ReaderFault) and e.fault is ReaderFaultKind.UNCONFIRMED)


def test_paced_bytes_keep_the_true_line_speed(site: SiteControl, gateway: LittleGateway) -> None:
    """Paced, two frames take at least what 28 bytes take at 9600 Bd, and the card is read."""
    before_ns = time.monotonic_ns()
    answer = site.badge(1, CARD, paced=True, spacing_ms=0)
    assert answer["relay_ns"] is not None
    assert time.monotonic_ns() - before_ns >= 28 * 10 / 9_600 * 1e9


def test_raw_bytes_reach_the_driver(site: SiteControl, gateway: LittleGateway) -> None:
    """Junk and half a frame can be put on the line, and are refused there."""
    site.do("raw", lane=2, raw="ffff" + b"\x020F00".hex() + b"\x02".hex())
    gateway.wait_for(lambda e: isinstance(e, ReaderFault) and e.fault is ReaderFaultKind.JUNK)
    gateway.wait_for(lambda e: isinstance(e, ReaderFault) and e.fault is ReaderFaultKind.TRUNCATED)


def test_reader_can_be_pulled_out_and_put_back(site: SiteControl, gateway: LittleGateway) -> None:
    """Unplugging takes the device away, replugging brings it back under the same path."""
    site.do("unplug", lane=1)
    gateway.wait_for(lambda e: isinstance(e, ReaderDown))
    assert not site.lanes()[0]["reader_plugged"]
    with pytest.raises(TransientDeviceError, match="lane1-reader"):
        site.badge(1, CARD)
    seen = len(gateway.events)
    site.do("replug", lane=1)
    gateway.wait_for(lambda e: isinstance(e, ReaderUp), after=seen)
    assert site.badge(1, CARD)["relay_ns"] is not None


def test_releasing_time_outlives_whoever_drives_the_relay(site: SiteControl, gateway: LittleGateway) -> None:
    """The board latches: with its driver gone the lane counts on, until power is lost."""
    site.badge(2, CARD)
    gateway.end()
    first = site.lanes()[1]
    second = site.lanes()[1]
    assert second["releasing"]
    assert second["longest_ms"] == second["releasing_ms"] > first["releasing_ms"]
    site.do("unplug", lane=2, what="relay")
    assert not site.lanes()[1]["releasing"]
    assert site.lanes()[1]["longest_ms"] >= second["longest_ms"]
    site.do("reset_longest")
    assert site.lanes()[1]["longest_ms"] == 0


def test_nobody_passes_a_locked_lane(site: SiteControl, gateway: LittleGateway) -> None:
    """Pushing against a locked lane closes no contact."""
    assert site.do("push", lane=1)["passed"] is False
    assert site.lanes()[0]["passages"] == 0


def test_maglock_lane_is_free_without_a_command(start_site: Callable[..., SiteControl]) -> None:
    """With current locking, a board that nobody has commanded leaves the lane free: wiring decides."""
    site = start_site("--lanes", "1", "--wiring", "energise_to_lock", "--readers", "id12la")
    [lane] = site.lanes()
    assert (lane["reader"], lane["releasing"]) == ("id12la", True)


@pytest.mark.parametrize(
    "request_line",
    [b"nonsense", b"[]", b'{"do":"dance"}', b'{"do":"badge","lane":9,"card":"00"}', b'{"do":"badge","lane":1}',
     b'{"do":"badge","lane":1,"card":"xyz"}', b'{"do":"raw","lane":1,"raw":"0"}', b"{}"],
)  # fmt: skip
def test_bad_request_is_answered_and_survived(site: SiteControl, folder: Path, request_line: bytes) -> None:
    """Whatever a caller writes is answered with an error, and the site plays on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(WAIT_S)
        line.connect(str(folder / "control.sock"))
        line.sendall(request_line + b"\n")
        assert json.loads(line.recv(4_096))["ok"] is False
    assert len(site.lanes()) == 2


def test_answers_carry_the_id_of_their_request(site: SiteControl) -> None:
    """Several requests on one line can be told apart."""
    assert site.do("state", id=7)["id"] == 7
