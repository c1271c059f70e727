"""A gym's lanes as simulated devices on ptys, speaking the true bytes to the real drivers.

    python -m portillon_drivers.simulated_site --dir DIR --lanes 2

makes DIR/lane1-reader, DIR/lane1-relay, …, DIR/inputs (one Modbus board, address 1; channel n: passage contact of lane
n) and listens on DIR/control.sock for JSON lines; each gets one answer, with the same `id` if it had one:

    {"do": "badge", "lane": 1, "card": "0F0027A46B", "push": true}   → {"ok": true, "relay_ns": 1234567, "passed": true}
         also: frames, spacing_ms, paced (bytes at 9600 Bd), push_after_ms, wait_ms (after it relay_ns is null)
    {"do": "push", "lane": 1}                                        → {"ok": true, "passed": false}
    {"do": "raw", "lane": 1, "raw": "02424337…"}                     → {"ok": true}
    {"do": "unplug", "lane": 1, "what": "reader"}, also "replug"; what: reader, relay (it loses power) or inputs
    {"do": "state"}, {"do": "reset_longest"}, {"do": "log", "last": 20}

`relay_ns` runs from just before the last byte of the deciding frame is written (an RDM6300's second, an ID-12LA's only
one) to the moment the relay's command has been read. One thread, one clock.
"""

import argparse
import heapq
import itertools
import json
import selectors
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from portillon_drivers.errors import TransientDeviceError
from portillon_drivers.inputs.modbus_inputs_simulator import ModbusBoardSimulator
from portillon_drivers.options import Wiring
from portillon_drivers.pty_line import PtyLine
from portillon_drivers.simulated_badge import Answer, Badge, frames_of, push_through
from portillon_drivers.simulated_lane import ReaderType, SimulatedLane

INPUTS_ADDRESS = 1
LOG_MAX = 1_000
LINE_BYTES_MAX = 65_536


class SimulatedSite:
    """All lanes of one gym, their input board, and the control socket."""

    def __init__(self, folder: Path, reader_types: list[ReaderType], wiring: Wiring) -> None:
        self._contacts = ModbusBoardSimulator(INPUTS_ADDRESS, channels=max(8, len(reader_types)))
        self._inputs = PtyLine(folder / "inputs")
        self._lanes = [
            SimulatedLane(number, reader_type, wiring, folder, self._contacts)
            for number, reader_type in enumerate(reader_types, start=1)
        ]
        self._control_path = folder / "control.sock"
        self._clock_ns = time.monotonic_ns
        self._timers: list[tuple[int, int, Callable[[], None]]] = []
        self._count = itertools.count()
        self._log: deque[dict[str, Any]] = deque(maxlen=LOG_MAX)
        self._selector = selectors.DefaultSelector()
        self._stopping = False

    def run(self) -> None:
        """Plug everything in and serve until SIGTERM or SIGINT."""
        woken, waker = socket.socketpair()
        waker.setblocking(False)
        signal.set_wakeup_fd(waker.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)  # the wake-up descriptor tells it
        self._selector.register(woken, selectors.EVENT_READ, self._stop)
        for lane in self._lanes:
            lane.reader.plug()
            self._plug_relay(lane)
            lane.settle(self._clock_ns())
        self._plug_inputs()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
            self._control_path.unlink(missing_ok=True)
            control.bind(str(self._control_path))
            control.listen()
            self._selector.register(control, selectors.EVENT_READ, lambda: self._accept(control))
            print(json.dumps({"ready": True, "control": str(self._control_path)}), flush=True)
            self._serve()
        self._control_path.unlink(missing_ok=True)
        for line in [self._inputs, *(line for lane in self._lanes for line in (lane.reader, lane.relay))]:
            line.unplug()

    def _serve(self) -> None:
        while not self._stopping:
            timeout_s = max(0, self._timers[0][0] - self._clock_ns()) / 1e9 if self._timers else None
            for key, _ in self._selector.select(timeout_s):
                key.data()
            while self._timers and self._timers[0][0] <= self._clock_ns():
                heapq.heappop(self._timers)[2]()

    def _stop(self) -> None:
        self._stopping = True

    def _later(self, at_ns: int, call: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (at_ns, next(self._count), call))

    def _plug_relay(self, lane: SimulatedLane) -> None:
        def receive() -> None:
            data, at_ns = lane.relay.receive(), self._clock_ns()
            for what in lane.relay_bytes(data, at_ns):
                self._note(lane=lane.number, relay=what)

        lane.relay.plug()
        self._selector.register(lane.relay, selectors.EVENT_READ, receive)

    def _plug_inputs(self) -> None:
        def receive() -> None:
            with suppress(TransientDeviceError):  # nobody reads the answers: nobody misses them
                self._inputs.send(self._contacts.receive(self._inputs.receive()))

        self._inputs.plug()
        self._selector.register(self._inputs, selectors.EVENT_READ, receive)

    def _accept(self, control: socket.socket) -> None:
        client, _ = control.accept()
        client.settimeout(1)  # for answers to a client that does not read them
        pending = b""

        def receive() -> None:
            nonlocal pending
            try:
                data = client.recv(LINE_BYTES_MAX)
            except OSError:  # the client was killed: the same as gone
                data = b""
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                self._request(line, client)
            if not data or len(pending) > LINE_BYTES_MAX:
                self._selector.unregister(client)
                client.close()

        self._selector.register(client, selectors.EVENT_READ, receive)

    def _request(self, line: bytes, client: socket.socket) -> None:
        request: dict[str, Any] = {}

        def answer(told: dict[str, Any]) -> None:
            self._note(request=request, answer={key: told[key] for key in told if key not in ("lanes", "events")})
            reply = {**told, "id": request["id"]} if "id" in request else told
            with suppress(OSError):  # the client is gone and misses nothing
                client.sendall(json.dumps(reply).encode() + b"\n")

        try:
            request = json.loads(line)
            self._carry_out(request, answer)
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, TransientDeviceError) as error:
            answer({"ok": False, "error": f"{type(error).__name__}: {error}"})

    def _carry_out(self, request: dict[str, Any], answer: Answer) -> None:
        match request["do"]:
            case "badge":
                self._badge(request, answer)
            case "push":
                lane = self._lane(request)
                push_through(lane, self._clock_ns(), self._later, lambda passed: answer({"ok": True, "passed": passed}))
            case "raw":
                self._lane(request).reader.send(bytes.fromhex(request["raw"]))
                answer({"ok": True})
            case "unplug" | "replug" as what:
                self._plug(request, plugged=what == "replug")
                answer({"ok": True})
            case "state":
                answer({"ok": True, "lanes": [lane.state(self._clock_ns()) for lane in self._lanes]})
            case "reset_longest":
                for lane in self._lanes:
                    lane.releasing.longest_ns = 0
                answer({"ok": True})
            case "log":
                answer({"ok": True, "events": list(self._log)[-int(request.get("last", 20)) :]})
            case unknown:
                answer({"ok": False, "error": f"nothing here can do {unknown!r}"})

    def _badge(self, request: dict[str, Any], answer: Answer) -> None:
        lane = self._lane(request)
        frames, spacing_ms = frames_of(lane.reader_type)
        Badge(
            lane=lane,
            card=str(request["card"]),
            push=bool(request.get("push", False)),
            frames=int(request.get("frames", frames)),
            spacing_ms=float(request.get("spacing_ms", spacing_ms)),
            paced=bool(request.get("paced", False)),
            push_after_ms=float(request.get("push_after_ms", 100)),
            wait_ms=float(request.get("wait_ms", 1_000)),
            clock_ns=self._clock_ns,
            later=self._later,
            answer=answer,
        ).start()

    def _plug(self, request: dict[str, Any], *, plugged: bool) -> None:
        match request.get("what", "reader"), plugged:
            case "reader", True:
                self._lane(request).reader.plug()
            case "reader", False:
                self._lane(request).reader.unplug()
            case "relay", True if not self._lane(request).relay.plugged:
                self._plug_relay(self._lane(request))
            case "relay", False if self._lane(request).relay.plugged:
                self._selector.unregister(self._lane(request).relay)
                self._lane(request).unplug_relay(self._clock_ns())
            case "inputs", True if not self._inputs.plugged:
                self._plug_inputs()
            case "inputs", False if self._inputs.plugged:
                self._selector.unregister(self._inputs)
                self._inputs.unplug()

    def _lane(self, request: dict[str, Any]) -> SimulatedLane:
        number = int(request["lane"])
        if not 1 <= number <= len(self._lanes):
            raise ValueError(f"there is no lane {number}; there are 1 to {len(self._lanes)}")
        return self._lanes[number - 1]

    def _note(self, **event: Any) -> None:
        self._log.append({"at_ns": self._clock_ns(), **event})


def main() -> int:
    """Run the simulated site; returns its exit status."""
    arguments = argparse.ArgumentParser(prog="portillon_drivers.simulated_site", description="Simulated lanes on ptys.")
    arguments.add_argument("--dir", type=Path, required=True, help="where the devices and control.sock appear")
    arguments.add_argument("--lanes", type=int, default=2, help="how many lanes (default 2)")
    arguments.add_argument("--readers", default="rdm6300,id12la", help="reader types, repeated over the lanes")
    arguments.add_argument("--wiring", type=Wiring, default=Wiring.ENERGISE_TO_RELEASE, choices=list(Wiring))
    asked = arguments.parse_args()
    types = itertools.cycle(ReaderType(name) for name in asked.readers.split(","))
    asked.dir.mkdir(parents=True, exist_ok=True)
    SimulatedSite(asked.dir, list(itertools.islice(types, asked.lanes)), asked.wiring).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
