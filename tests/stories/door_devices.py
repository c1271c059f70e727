"""A story's stage in real time: processes of guard and gateway, real drivers, simulated devices on ptys and pins."""

import json
import math
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from threading import Timer
from typing import Any, TypeVar

from portillon_config import GatewayConfig, load
from portillon_drivers.inputs.gpio_input import GpioInputOptions
from portillon_drivers.inputs.mcp3008 import Mcp3008Options
from portillon_drivers.options import InputOptions
from portillon_drivers.osdp.attached import TerminalOptions
from portillon_drivers.osdp.reader_simulator import OsdpReaderSimulator
from portillon_drivers.outputs.gpio_output import GpioOutputOptions
from portillon_drivers.readers.osdp_simulator import SimulatedOsdpReader
from portillon_drivers.simulated_boards import SimulatedBoards
from portillon_drivers.simulated_reader import SimulatedReader, simulate_reader
from portillon_edge import exit_codes
from portillon_edge.boot_clock import boot_id, boot_ns
from portillon_edge.store.entitlements import EntitlementStore
from portillon_edge.store.journal import JournalReader
from portillon_rules.row_mac import row_mac_key
from portillon_wire.messages import EventKind, JournalEvent
from stories.door_clock import HOUR_MS, first_lease
from stories.door_gateway import FLAPS_S
from stories.door_guard import PINS, UNDRIVEN
from stories.door_site import KEY, DoorSite
from stories.door_story import TOUCH_MS, Act, Story
from stories.process import Process, StoryError, until

T = TypeVar("T")
UP_S_MAX = 30.0
SOON_S = 3.0
"""Within this much more than a story's second a real machine, and a busy one, has done what the story says."""
APART_S = 0.6
"""Longer than the same card must be away from a reader, and than a touch takes."""
LOOK_S = 0.02
LATE = "does not answer"
"""A board that this machine had no time to simulate; the driver asks again, and no story is about it."""
BACK = (EventKind.INPUT_RESTORED, EventKind.OUTPUT_RESTORED, EventKind.READER_RESTORED)
PRELUDE_S = 1.5
"""Where the time of day matters, the gateway's clock is turned so long before second 0; it looks once a second."""
BOUNCE_S = (0.0, 0.004, 0.008)
ORDERS = {"open": "OpenDoor", "reset": "ResetFire", "toggle": "HoldDoor", "untoggle": "ReleaseDoor"}


class GatewayLine:
    """The story's end of the gateway's socket."""

    def __init__(self, path: Path) -> None:
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._line.connect(str(path))
        except OSError:
            self._line.close()
            raise
        self._talk = self._line.makefile("rw", encoding="utf-8")

    def ask(self, **told: Any) -> Mapping[str, Any]:
        """One question, one answer."""
        self._talk.write(json.dumps(told) + "\n")
        self._talk.flush()
        answer: Mapping[str, Any] = json.loads(self._talk.readline())
        return answer

    def close(self) -> None:
        """The gateway ends itself then."""
        with suppress(OSError):  # it was killed with a question on the way
            self._talk.close()
        self._line.close()


class DeviceStage:
    """Fills Stage. `close` ends every process and device."""

    exact = False

    def __init__(self, story: Story, folder: Path) -> None:
        """Begins with everything up and at rest. `folder`: a short path, for the sockets."""
        folder.mkdir(exist_ok=True)
        self._site = DoorSite(story)
        true = load(self._site.write_config(folder))
        self._readers: dict[str, SimulatedReader] = {
            options.name: simulate_reader(options, folder / "devices") for options in true.readers
        }
        self._boards = SimulatedBoards(
            [options for options in true.outputs if not isinstance(options, TerminalOptions)],
            [options for options in true.inputs if not isinstance(options, TerminalOptions)],
            folder / "devices",
        )
        self._timers: list[Timer] = []
        self._line: GatewayLine | None = None
        self._journal: JournalReader | None = None
        self._skipped = 0
        self._folder = folder
        readers = {name: reader.section for name, reader in self._readers.items()}
        self._led_to = {**readers, **self._boards.outputs, **self._boards.inputs}
        self._config: GatewayConfig = load(self._site.write_config(folder, self._led_to))
        self._inputs = {options.name: options for options in self._config.inputs}
        self._active = dict.fromkeys(self._inputs, False)
        for name, options in self._inputs.items():
            if isinstance(options, TerminalOptions):
                self._set(name, False)
        self._levels = folder / "levels"
        self._levels.write_bytes(bytes([UNDRIVEN]) * PINS)
        config = str(folder / "gateway.toml")
        self._socket = folder / "story.sock"
        python = [sys.executable, "-m"]
        env = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        self._guard = Process(
            "guard", [*python, "stories.door_guard", config, str(self._levels)], log=folder / "guard.log", env=env
        )
        self._new_gateway = lambda: Process(
            "gateway",
            [*python, "stories.door_gateway", config, str(self._socket), json.dumps(self._standing())],
            log=folder / "gateway.log",
            env=env,
        )
        self._gateway = self._new_gateway()
        self._began = self._second = self._came = 0.0
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Take everything away."""
        for timer in self._timers:
            timer.cancel()
        if self._line is not None:
            self._line.close()
        self._gateway.kill()
        self._guard.kill()
        if self._journal is not None:
            self._journal.close()
        for reader in self._readers.values():
            reader.close()
        self._boards.close()

    def logs(self) -> str:
        """What the processes said last."""
        return f"{self._gateway.tail()}\n{self._guard.tail()}"

    # What the player asks

    def go_to(self, second: float) -> None:
        """Time passes by itself; a machine that is late catches up, but never runs one moment into the next."""
        apart_s = min(second - self._second, APART_S)
        time.sleep(max(0.0, self._began + second - time.monotonic(), self._came + apart_s - time.monotonic()))
        self._second, self._came = second, time.monotonic()

    def recorded(self, at_least: int) -> Sequence[JournalEvent]:
        """The journal as it stands on the disk."""

        def told() -> Sequence[JournalEvent]:
            return [event for event in of_the_story(self._read()) if event.sequence > self._skipped]

        return self._wait(told, lambda events: len(events) >= at_least)

    def releases(self, output: str, expected: bool) -> bool:
        """How its coil stands, and what that means by its wiring."""
        return self._wait(lambda: self._releases(output), lambda releasing: releasing is expected)

    def shows(self, door: str, expected: str) -> Sequence[str]:
        """What the health report says of it."""

        def words() -> Sequence[str]:
            report = self._asked(do="look")["doors"][door]
            return [report["state"], report["standing"]]

        return self._wait(words, lambda found: expected in found)

    def edit(self, edits: Mapping[str, Mapping[str, Any]]) -> None:
        """Write the file anew."""
        self._site.edit(edits)
        self._site.write_config(self._folder, self._led_to)

    def do(self, act: Act) -> None:
        """Do it."""
        names = act.names
        match act.verb:
            case "badge":
                reader = names["reader"]
                self._readers[reader].present(self._site.card_at(reader, names["person"]))
            case "on" | "off":
                self._set(names["input"], act.verb == "on")
            case "touch":
                self._set(names["input"], True)
                self._later(TOUCH_MS / 1_000, partial(self._set, names["input"], False))
            case "bounce":
                for index in range(len(BOUNCE_S)):
                    self._set(names["input"], index % 2 == 0)
                    time.sleep(BOUNCE_S[1])
            case "flap":
                self._flap(names["input"])
            case "unplug" | "plug":
                self._plug(names["device"], act.verb == "plug")
            case "order" | "withdraw":
                entry = self._site.entry((self._site.order(act),))
                self._asked(do="feed", entry=entry.model_dump(mode="json"))
            case "open" | "reset" | "toggle" | "untoggle":
                self._asked(do="order", order=ORDERS[act.verb], **names)
            case "cut" | "short" | "mend":
                if act.verb == "mend":
                    self._set(names["input"], self._active[names["input"]])
                else:
                    self._hang(self._inputs[names["input"]], math.inf if act.verb == "cut" else 0)
            case "turn":
                business_ms = self._site.local_ms(datetime.fromisoformat(names["time"]))
                assert self._asked(do="turn", business_ms=business_ms) == {"refused": None}
            case "correct":
                assert self._asked(do="correct", by_ms=int(float(names["seconds"]) * 1_000)) == {"refused": None}
            case "kill" | "start":
                self._process(names["process"], starts=act.verb == "start")
            case "restart":
                self._restart(names["process"])
            case _:
                raise NotImplementedError(f"{act.verb} has no counterpart among the devices yet")

    # How things are done

    def _begin(self) -> None:
        for reader in self._readers.values():
            reader.plug()
        store = EntitlementStore(self._config.gateway.data_dir / "entitlements.db", row_mac_key(KEY))
        store.apply(self._site.entry(self._site.first_rows()))
        store.save_lease(first_lease(self._site.starts_ms - HOUR_MS, boot_id(), boot_ns()))
        store.close()
        self._guard.start()
        self._start_gateway()
        if not self._wait(self._is_up, bool, within_s=UP_S_MAX):
            raise StoryError(f"still down after {UP_S_MAX:g} s: {self._asked(do='look')['down']}\n{self.logs()}")
        self._journal = JournalReader(self._config.gateway.data_dir / "journal.db")
        until("the journal has the start", lambda: self._read() or None, within_s=UP_S_MAX)
        self._began = time.monotonic()
        if self._site.schedules:
            self._asked(do="turn", business_ms=self._site.starts_ms - int(PRELUDE_S * 1_000))
            self._began += PRELUDE_S
        self.go_to(0.0)
        self._skipped = self._read()[-1].sequence

    def _start_gateway(self) -> None:
        self._socket.unlink(missing_ok=True)
        self._gateway = self._new_gateway()
        self._gateway.start()
        until("the gateway's process answers, or refuses its file", self._settled, within_s=UP_S_MAX)

    def _settled(self) -> bool:
        if not self._gateway.alive():
            if self._gateway.exit_status() == exit_codes.CONFIG:
                return True
            raise StoryError(f"the gateway's process ended:\n{self.logs()}")
        try:
            self._line = GatewayLine(self._socket)
        except OSError:
            return False
        return True

    def _is_up(self) -> bool:
        return not self._asked(do="look")["down"]

    def _process(self, process: str, *, starts: bool) -> None:
        if process == "both" and not starts:
            for pid in (self._guard.pid, self._gateway.pid):  # before either can notice
                os.kill(pid, signal.SIGKILL)
        if process in ("guard", "both"):
            (self._guard.start if starts else self._guard.kill)()
        if process == "guard":
            return
        if starts:
            self._start_gateway()
        else:
            self._gateway.kill()
            if self._line is not None:
                self._line.close()
            self._line = None

    def _restart(self, process: str) -> None:
        """As systemd would: SIGTERM and the end of each, then the start of each; 78 is an end for good."""
        if process in ("gateway", "both") and self._line is not None:
            self._line.close()
            self._line = None
            self._gateway.exit_status()
        if process in ("guard", "both"):
            self._guard.stop()
            self._guard.start()
        if process in ("gateway", "both"):
            self._start_gateway()

    def _plug(self, device: str, plugged: bool) -> None:
        if device in self._readers:
            (self._readers[device].plug if plugged else self._readers[device].unplug)()
        else:
            self._boards.plug(device, plugged=plugged)

    def _set(self, name: str, active: bool) -> None:
        self._active[name] = active
        options = self._inputs[name]
        if isinstance(options, GpioInputOptions):
            self._asked(do="pin", pin=options.pin, high=_level(options, active))
        elif isinstance(options, TerminalOptions):
            self._electronics(options).set_input(options.number, int(options.is_active(closed=True) is active))
        elif isinstance(options, Mcp3008Options):
            self._hang(options, _loop_ohm(options, active))
        else:
            self._boards.set_active(options, active)

    def _flap(self, name: str) -> None:
        options = self._inputs[name]
        if isinstance(options, GpioInputOptions):
            self._asked(do="flap", pin=options.pin, high=_level(options, self._active[name]))
            return
        for index, seconds in enumerate(FLAPS_S):
            self._set(name, index % 2 == 0)
            time.sleep(seconds)

    def _hang(self, options: InputOptions, ohm: float) -> None:
        """A chip's loops are in the process that has its pins, a board's are here."""
        if isinstance(options, Mcp3008Options):
            self._asked(do="loop", name=options.name, ohm=ohm)
        else:
            self._boards.spoil(options.name, ohm)

    def _standing(self) -> Mapping[str, Mapping[Any, Any]]:
        """What is at the gateway's own pins when it starts."""
        active, inputs = self._active, self._inputs.values()
        return {
            "pins": {o.pin: _level(o, active[o.name]) for o in inputs if isinstance(o, GpioInputOptions)},
            "loops": {o.name: _loop_ohm(o, active[o.name]) for o in inputs if isinstance(o, Mcp3008Options)},
        }

    def _releases(self, output: str) -> bool:
        options = next(options for options in self._config.outputs if options.name == output)
        if isinstance(options, TerminalOptions):
            energised: bool | None = self._electronics(options).outputs.states()[options.number]
        else:
            energised = self._boards.energised(output)
        if energised is None:
            assert isinstance(options, GpioOutputOptions)
            level = self._levels.read_bytes()[options.pin]
            energised = level != UNDRIVEN and bool(level) is (options.energised_level == "high")
        return options.wiring.energised(releasing=True) is energised

    def _electronics(self, options: TerminalOptions) -> OsdpReaderSimulator:
        reader = self._readers[options.reader]
        assert isinstance(reader, SimulatedOsdpReader)
        return reader.electronics

    def _asked(self, **told: Any) -> Mapping[str, Any]:
        return {} if self._line is None else self._line.ask(**told)

    def _read(self) -> list[JournalEvent]:
        return [] if self._journal is None else self._journal.read(1, 500)

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        self._timers.append(Timer(seconds, act))
        self._timers[-1].start()

    def _wait(self, ask: Callable[[], T], good: Callable[[T], bool], *, within_s: float = SOON_S) -> T:
        until_s = time.monotonic() + within_s
        while not good(found := ask()) and time.monotonic() < until_s:
            time.sleep(LOOK_S)
        return found


def of_the_story(events: Iterable[JournalEvent]) -> Iterator[JournalEvent]:
    """Without what only a busy machine has to tell: boards that it left without an answer, and that they are back."""
    silent: set[tuple[str | None, str | None]] = set()
    for event in events:
        device = (event.by or event.reader, event.door)
        if LATE in (event.detail or ""):
            silent.add(device)
        elif event.kind in BACK and device in silent:
            silent.remove(device)
        else:
            yield event


def _loop_ohm(options: Mcp3008Options, active: bool) -> float:
    return options.closed_ohm if options.is_active(closed=True) is active else options.open_ohm


def _level(options: GpioInputOptions, active: bool) -> bool:
    """Whether the pin is high while its contact is in that state."""
    closed = options.is_active(closed=True) is active
    return closed is not (options.pull == "up")
