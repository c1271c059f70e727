"""A story's stage in virtual time: the real configuration, attendant, machines and guard core; time jumps."""

import heapq
import itertools
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from edge.credentials.plain_memory import PlainMemory
from portillon_config import ConfigError, load
from portillon_drivers.events import (
    CredentialRead,
    InputChanged,
    InputDown,
    InputTroubled,
    InputUp,
    LineTrouble,
    ReaderDown,
    ReaderUp,
)
from portillon_drivers.inputs.flapping import RESTLESS_NS
from portillon_edge.credentials.reader_rules import ReaderRules
from portillon_edge.domain.events import EventKind, NewEvent
from portillon_edge.domain.timekeeping import TimeKeeper
from portillon_edge.doors.attendant import Attendant, DoorEvent
from portillon_edge.doors.guarded_outputs import GuardedOutputs
from portillon_edge.doors.kinds import build_doors
from portillon_edge.doors.local_side import LocalSide
from portillon_edge.doors.staff_order import HoldDoor, OpenDoor, ReleaseDoor, ResetFire
from portillon_edge.doors.timed_outputs import OutputRouter, TimedOutputs
from portillon_edge.guard.protocol import ClientRefused, GuardEvent, GuardLost, Reply, RequestRefused
from portillon_edge.store.fire_latch import FireLatchFile
from portillon_edge.store.standing_file import StandingFile
from portillon_edge.visits.book import VisitBook
from portillon_rules.door_plan import Standing
from portillon_rules.row_mac import row_mac_key
from stories.door_clock import corrected, first_lease, turned
from stories.door_site import CONFIG_FILE, GATEWAY, KEY, DoorSite
from stories.door_story import TOUCH_MS, Act, Story
from stories.virtual_outputs import MS, VirtualOutputs, VirtualTimedOutput

BOOTED_NS = 60_000 * MS
"""How long the machine was up before the story began."""
IDLE_MS = 1_000
PRELUDE_MS = 1_000
"""Everything comes up and to rest so long before second 0."""
BOOT = "story"
BOUNCE_MS = (0, 15, 30)
FLAPPING_MS = RESTLESS_NS // MS


class VirtualStage:
    """Fills Stage."""

    exact = True

    def __init__(self, story: Story, folder: Path) -> None:
        """Begins with everything up and at rest, a moment before second 0."""
        self._site = DoorSite(story)
        self._folder = folder
        self._config = load(self._site.write_config(folder))
        self._now_ns = BOOTED_NS
        lease = first_lease(self._site.starts_ms - PRELUDE_MS, BOOT, BOOTED_NS)
        self._time = TimeKeeper(mode="test", boot_id=BOOT, boot_ns=BOOTED_NS, saved=lease)
        self._memory = PlainMemory()
        self._events: list[NewEvent] = []
        self._active = {section.name: False for section in self._config.inputs}
        self._guard = VirtualOutputs(self._config.outputs, self._now)
        self._timed = [VirtualTimedOutput(one, self._now) for one in self._config.outputs if not one.guarded]
        self._later: list[tuple[int, int, Callable[[], None]]] = []
        self._count = itertools.count()
        self._attendant: Attendant | None = None
        self._guard.start(self._config.outputs)
        self._start_gateway()
        self.go_to(0.0)
        self._events.clear()

    # What the player asks

    def go_to(self, second: float) -> None:
        """Jump from one thing that is due to the next."""
        until_ns = BOOTED_NS + (int(second * 1_000) + PRELUDE_MS) * MS
        while (due_ns := self._due_ns()) <= until_ns:
            self._now_ns = max(self._now_ns, due_ns)
            self._do_what_is_due()
            self._guard.tick()
            for output in self._timed:
                output.tick()
            if self._attendant is not None:
                self._attendant.tick(self._now_ns)
            self._tidy()
        self._now_ns = until_ns

    def recorded(self, at_least: int) -> Sequence[NewEvent]:
        """What was written down."""
        return self._events

    def releases(self, output: str, expected: bool) -> bool:
        """How its coil stands."""
        timed = {one.name: one.ends_ns is not None for one in self._timed}
        return {**self._guard.releasing, **timed}[output]

    def shows(self, door: str, expected: str) -> Sequence[str]:
        """The machine's word for its state, and how the door is to stand."""
        if self._attendant is None:
            return []
        return [self._attendant.states()[door], self._attendant.standings()[door].standing]

    def edit(self, edits: Mapping[str, Mapping[str, Any]]) -> None:
        """Write the file anew."""
        self._site.edit(edits)
        self._site.write_config(self._folder)

    def do(self, act: Act) -> None:
        """Do it, and let the gateway come to rest."""
        names, now_ns = act.names, self._now_ns
        match act.verb:
            case "badge":
                reader = names["reader"]
                self._take(CredentialRead(reader, self._site.card_at(reader, names["person"]), now_ns))
            case "on" | "off":
                self._set(names["input"], act.verb == "on")
            case "touch":
                self._set(names["input"], True)
                self._at(TOUCH_MS, lambda: self._set(names["input"], False))
            case "bounce":
                for index, ms in enumerate(BOUNCE_MS):
                    self._at(ms, partial(self._set, names["input"], index % 2 == 0))
            case "flap":
                troubled = InputTroubled(names["input"], LineTrouble.FLAPPING, "it chatters", now_ns + FLAPPING_MS * MS)
                self._at(FLAPPING_MS, lambda: self._take(troubled))
            case "cut" | "short":
                trouble = LineTrouble.CUT if act.verb == "cut" else LineTrouble.SHORT
                self._take(InputTroubled(names["input"], trouble, f"the line is {trouble}", now_ns))
            case "mend":
                self._take(InputChanged(names["input"], self._active[names["input"]], now_ns))
            case "unplug" | "plug":
                self._plug(names["device"], act.verb == "plug")
            case "order" | "withdraw":
                self._site.order(act)
            case "open":
                self._take(OpenDoor(names["door"], names["by"], now_ns))
            case "reset":
                self._take(ResetFire(names["by"], now_ns))
            case "toggle":
                self._take(HoldDoor(names["door"], Standing(names["standing"]), names["by"], now_ns))
            case "untoggle":
                self._take(ReleaseDoor(names["door"], names["by"], now_ns))
            case "turn" | "correct":
                self._new_lease(act)
            case "kill" | "start":
                self._process(names["process"], starts=act.verb == "start")
            case "restart":
                self._restart(names["process"])
            case _:
                raise NotImplementedError(f"{act.verb} has no virtual counterpart yet")
        self._do_what_is_due()
        self._tidy()

    # The gateway's surroundings

    @property
    def writable(self) -> bool:
        """The journal can be written."""
        return True

    def record(self, event: NewEvent) -> None:
        """The journal."""
        self._events.append(event)

    # How things are done

    def _start_gateway(self) -> None:
        timed = TimedOutputs(self._timed, self._config.outputs, clock_ns=self._now, tell=self._guard_told)
        self._outputs = OutputRouter(GuardedOutputs(self._guard), timed)
        self._attendant = Attendant(
            build_doors(self._config.doors, self._config.outputs),
            keys=[KEY],
            entitlements=self._site,
            clockwork=self._time,
            outputs=self._outputs,
            log=self,
            memory=self._memory,
            readers={section.name: ReaderRules.of(section) for section in self._config.readers},
            watches=self._config.watches,
            interlocks=self._config.interlocks,
            latch=FireLatchFile(self._config.gateway.data_dir),
            standings=StandingFile(self._config.gateway.data_dir, [row_mac_key(KEY)]),
            local=LocalSide(visits=VisitBook(GATEWAY, self._memory), find_visits=self._site.visits),
        )
        now_ns = self._now_ns
        self.record(NewEvent(kind=EventKind.GATEWAY_STARTED, at=self._time.stamp(now_ns)))
        self._guard.come(self._guard_told, self._config.outputs)
        for output in self._timed:
            output.meet()
        for reader in self._config.readers:
            self._take(ReaderUp(reader.name, now_ns))
        for name, active in self._active.items():
            self._take(InputUp(name, now_ns))
            self._take(InputChanged(name, active, now_ns))

    def _new_lease(self, act: Act) -> None:
        before = self._time.saved(self._now_ns)
        assert before is not None
        if act.verb == "turn":
            lease = turned(before, self._site.local_ms(datetime.fromisoformat(act.names["time"])))
        else:
            lease = corrected(before, int(float(act.names["seconds"]) * 1_000))
        refused = self._time.adopt(lease, self._now_ns)
        assert refused is None, refused

    def _restart(self, process: str) -> None:
        if process in ("gateway", "both"):
            self._process("gateway", starts=False)
        if process in ("guard", "both"):
            self._guard.stop()
            self._process("guard", starts=False)
        try:
            self._config = load(self._folder / CONFIG_FILE)
        except ConfigError:
            return
        for one in ("guard", "gateway"):
            if process in (one, "both"):
                self._process(one, starts=True)

    def _process(self, process: str, *, starts: bool) -> None:
        if process == "both":
            self._attendant = None
            self._process("guard", starts=starts)
        if process in ("gateway", "both"):
            if starts:
                self._start_gateway()
            else:
                self._attendant = None
                self._guard.go()
                for output in self._timed:
                    output.leave()
        elif starts:
            self._guard.start(self._config.outputs)
            if self._attendant is not None:
                self._guard.come(self._guard_told, self._config.outputs)
        else:
            self._guard.kill()
            if self._attendant is not None:
                self._guard_told(GuardLost("the guard closed the line", self._now_ns))

    def _guard_told(self, event: GuardEvent | Reply) -> None:
        if isinstance(event, ClientRefused):
            return
        self._outputs.note(event)
        if not isinstance(event, RequestRefused):
            self._at(0, lambda: self._take(event))

    def _plug(self, device: str, plugged: bool) -> None:
        now_ns = self._now_ns
        if device in self._guard.releasing:
            if plugged:
                self._guard.unplugged.discard(device)
            else:
                self._guard.unplug(device)
        elif device in {reader.name for reader in self._config.readers}:
            self._take(ReaderUp(device, now_ns) if plugged else ReaderDown(device, "nothing is plugged in", now_ns))
        else:
            port = next(section.port for section in self._config.inputs if section.name == device)
            for name in [section.name for section in self._config.inputs if section.port == port]:
                self._take(InputUp(name, now_ns) if plugged else InputDown(name, "nothing is plugged in", now_ns))
                if plugged:
                    self._take(InputChanged(name, self._active[name], now_ns))

    def _set(self, name: str, active: bool) -> None:
        if self._active[name] is not active:
            self._active[name] = active
            self._take(InputChanged(name, active, self._now_ns))

    def _take(self, event: DoorEvent) -> None:
        if self._attendant is not None:
            self._attendant.handle(event)

    def _tidy(self) -> None:
        if self._attendant is not None:
            self._attendant.tidy(self._now_ns)

    def _at(self, ms: int, act: Callable[[], None]) -> None:
        heapq.heappush(self._later, (self._now_ns + ms * MS, next(self._count), act))

    def _now(self) -> int:
        return self._now_ns

    def _do_what_is_due(self) -> None:
        while self._later and self._later[0][0] <= self._now_ns:
            heapq.heappop(self._later)[2]()

    def _due_ns(self) -> int:
        idle_ns = self._now_ns // (IDLE_MS * MS) * IDLE_MS * MS + IDLE_MS * MS
        attendant_ns = None if self._attendant is None else self._attendant.deadline_ns
        queued_ns = self._later[0][0] if self._later else None
        dues = (idle_ns, attendant_ns, self._guard.next_ns, queued_ns, *(output.ends_ns for output in self._timed))
        return min(ns for ns in dues if ns is not None)
