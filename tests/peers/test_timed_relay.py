"""The relay of a reader that speaks libosdp, under our whole gateway, which is killed: the reader ends every release.

libosdp decodes what we send; `relay.py` beside it is the maker's timer. Times are the reader's own.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from peers.process import Peer, missing
from peers.relay import OFF_FOR_GOOD, ON_FOR
from portillon_config import load
from portillon_drivers.osdp.wire_simulator import WireSimulator
from portillon_drivers.pty_line import PtyLine
from portillon_edge.boot_clock import boot_id, boot_ns
from portillon_edge.doors.machine import HOLD_MS, RENEW_MS
from portillon_edge.store.entitlements import EntitlementStore
from portillon_rules.row_mac import row_mac_key
from portillon_rules.wiegand import STANDARD, encode_bits
from stories.door_clock import first_lease
from stories.door_site import KEY, DoorSite
from stories.door_story import Story

pytestmark = [pytest.mark.peers, pytest.mark.skipif(missing() is not None, reason=str(missing()))]

SCBK = bytes.fromhex("5ac91e0f77d2b4436688aa01f3c2d590")
RELAY = 2
PULSE_S = 3.0
LATE_S = 0.25
"""So much later, at most, the reader's own process was given the processor."""
WAIT_S = 20.0


class Rig:
    """libosdp's reader at the far end of a wire, and our gateway, as often as it is started."""

    def __init__(self, folder: Path, stack: ExitStack, *, free_by_plan: bool = False) -> None:
        near, far = PtyLine(folder / "near"), PtyLine(folder / "far")
        stack.enter_context(WireSimulator(near, [far], time.monotonic_ns))
        reader = {"path": str(far.link), "address": 1, "scbk": SCBK.hex(), "enforce": True}
        self.peer = stack.enter_context(Peer("libosdp-built", "libosdp_reader.py", {"readers": [reader]}))
        self._config = seeded_site(folder, near.link, free_by_plan=free_by_plan)
        self._log = stack.enter_context((folder / "gateway.log").open("w"))
        self._running: subprocess.Popen[bytes] | None = None
        stack.callback(self.kill)

    def start(self) -> None:
        command = [sys.executable, "-m", "portillon_edge.cli", "run", "--config", str(self._config)]
        self._running = subprocess.Popen(command, stdout=self._log, stderr=self._log)

    def kill(self) -> int:
        """SIGKILL; returns the time at which it was gone."""
        if self._running is not None:
            self._running.kill()
            self._running.wait(WAIT_S)
        return time.monotonic_ns()

    def badge(self) -> None:
        self.peer.do("card", bits=encode_bits(STANDARD["h10301"], facility=67, number=1))

    def told_to(self, code: int, after: int = 0) -> dict[str, Any]:
        """The next such command for the relay."""
        return self.peer.wait_for(
            lambda told: (out := self._out(told)) is not None and out["control_code"] == code, after
        )

    def commands(self, after: int) -> list[int]:
        """The codes of all commands for the relay."""
        return [out["control_code"] for told in self.peer.told[after:] if (out := self._out(told)) is not None]

    def last_command_ns(self) -> int:
        """When the last command for the relay came."""
        return int([told["at_ns"] for told in self.peer.told if self._out(told) is not None][-1])

    def turns(self, on: bool, after: int = 0) -> int:
        """When the relay turns so next, in ns."""
        turned = self.peer.wait_for(lambda told: told.get("relay") == RELAY and told["on"] is on, after)
        return int(turned["at_ns"])

    def _out(self, told: dict[str, Any]) -> dict[str, Any] | None:
        command: dict[str, Any] = told.get("command", {})
        return command if command.get("output_no") == RELAY and "control_code" in command else None


def seeded_site(folder: Path, near: Path, *, free_by_plan: bool) -> Path:
    """A door that has only its reader, and what the cloud has told its gateway; returns the gateway's file."""
    plan = {"schedules": {"by-day": "mon-fri 07:00-22:00"}, "plans": {"back": {"unlock": "by-day"}}}
    told = {
        "says": "A door that has nothing but an OSDP reader and a strike at its relay.",
        "sentence": "Outputs: the guard ends every release",
        "site": "osdp-strike",
        "people": ["anne"],
        "at": [{"second": 0.0}, {"second": 1.0}],
        **(plan if free_by_plan else {}),
    }
    site = DoorSite(Story.model_validate(told))
    key_file = folder / "back-reader.key"
    key_file.touch(mode=0o600)
    key_file.write_text(SCBK.hex(), encoding="ascii")
    path = site.write_config(folder, {"back-reader": {"path": str(near)}})
    store = EntitlementStore(load(path).gateway.data_dir / "entitlements.db", row_mac_key(KEY))
    store.apply(site.entry(site.first_rows()))
    store.save_lease(first_lease(site.starts_ms, boot_id(), boot_ns()))
    store.close()
    return path


@pytest.fixture
def make_rig(tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    with ExitStack() as stack:
        yield lambda **how: Rig(tmp_path, stack, **how)


def test_a_pulse_is_timed_in_the_reader(make_rig: Callable[..., Rig]) -> None:
    """The reader is told to lock when it is met; a card makes it release for the pulse, which it times by itself."""
    rig = make_rig()
    rig.start()
    rig.told_to(OFF_FOR_GOOD)
    after = len(rig.peer.told)
    rig.badge()
    asked = rig.told_to(ON_FOR, after)
    assert asked["command"]["timer_count"] == PULSE_S * 10
    released_s = (rig.turns(False, after) - rig.turns(True, after)) / 1e9
    assert PULSE_S - LATE_S <= released_s <= PULSE_S + LATE_S


def test_killed_mid_pulse_the_reader_ends_it(make_rig: Callable[..., Rig]) -> None:
    """SIGKILL while the relay releases: no command comes any more, and it locks when the pulse would have ended."""
    rig = make_rig()
    rig.start()
    rig.told_to(OFF_FOR_GOOD)
    after = len(rig.peer.told)
    rig.badge()
    on_ns = rig.turns(True, after)
    killed_ns = rig.kill()
    off_ns = rig.turns(False, after)
    assert rig.commands(after) == [ON_FOR]
    print(f"released for {(off_ns - on_ns) / 1e9:.3f} s, killed after {(killed_ns - on_ns) / 1e9:.3f} s")
    assert killed_ns < off_ns
    assert PULSE_S <= (off_ns - on_ns) / 1e9 <= PULSE_S + LATE_S


def test_killed_while_a_plan_holds_the_door_free_the_reader_ends_it(make_rig: Callable[..., Rig]) -> None:
    """A hold is asked for again and again; after SIGKILL it lasts as long as the last one said, and no longer."""
    rig = make_rig(free_by_plan=True)
    rig.start()
    first = rig.told_to(ON_FOR)
    after = rig.peer.told.index(first) + 1
    second = rig.told_to(ON_FOR, after)
    assert first["command"]["timer_count"] == second["command"]["timer_count"] == HOLD_MS // 100
    assert abs((second["at_ns"] - first["at_ns"]) / 1e6 - RENEW_MS) <= LATE_S * 1_000
    rig.kill()
    off_ns = rig.turns(False, after)
    last_ns = rig.last_command_ns()
    print(f"held for {(off_ns - last_ns) / 1e9:.3f} s after the last renewal")
    assert HOLD_MS / 1e3 <= (off_ns - last_ns) / 1e9 <= HOLD_MS / 1e3 + LATE_S


def test_a_gateway_that_comes_back_locks_first(make_rig: Callable[..., Rig]) -> None:
    """Started again while the reader still releases for a dead one: the first command locks, and nothing releases."""
    rig = make_rig()
    rig.start()
    rig.told_to(OFF_FOR_GOOD)
    rig.badge()
    rig.turns(True)
    rig.kill()
    after = len(rig.peer.told)
    rig.start()
    rig.turns(False, after)
    assert set(rig.commands(after)) <= {OFF_FOR_GOOD}
