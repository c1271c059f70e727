"""libosdp's peripheral as a process: readers on ptys, worked by JSON lines. Runs in an environment of its own.

    .peers/libosdp/bin/python tests/peers/libosdp_reader.py '{"readers": [{"path": "/tmp/far", "address": 1,
        "scbk": "00112233…", "install": false, "whole_frames": true}]}'

Takes {"do": "card", "bits": "1010…"}, keys, tamper, inputs, state, mute (it dies) and stop, each with "reader": its
place in the list (default 0). Tells {"ready": true}, then every command, file and answer, and each turn of a relay
({"relay": 0, "on": true}) as one line with `at_ns` (CLOCK_MONOTONIC).

`whole_frames` hands libosdp one whole frame at a time: its stock wheel drops frames that come in pieces.
"""

import hashlib
import json
import select
import sys
import time
from typing import Any

from osdp import (
    Capability,
    CardFormat,
    Event,
    LibFlag,
    LogLevel,
    PDCapabilities,
    PdId,
    PDInfo,
    PeripheralDevice,
    StatusReportType,
)
from pty_channel import PtyChannel, Requests, tell
from relay import Relay

FRAMES_AT_ONCE = 4
OUTPUT = 1
"""libosdp's number of the command."""
RELAYS = 4
REFRESH_S = 0.02
"""Time-outs inside libosdp are seen at least this often; bytes are handled when they come."""


class Reader:
    """One peripheral and what a person does at it."""

    def __init__(self, number: int, asked: dict[str, Any]) -> None:
        self._number = number
        self.muted = False
        self._relays = [Relay() for _ in range(RELAYS)]
        self.channel = PtyChannel(asked["path"], whole_frames=asked.get("whole_frames", False))
        scbk = asked.get("scbk")
        flags = [LibFlag.InstallMode] if asked.get("install") else []
        flags += [LibFlag.EnforceSecure] if asked.get("enforce") else []
        info = PDInfo(
            asked["address"],
            self.channel,
            scbk=bytes.fromhex(scbk) if scbk else None,
            flags=flags,
            id=PdId(
                version=1, model=2, vendor_code=0x00A1B2C3, serial_number=0x01020304 + number, firmware_version=0x0A0B0C
            ),
        )
        capabilities = PDCapabilities(
            [
                (Capability.CardDataFormat, 1, 1),
                (Capability.LEDControl, 4, 2),
                (Capability.AudibleControl, 2, 1),
                (Capability.TextOutput, 1, 1),
                (Capability.OutputControl, 4, RELAYS),
                (Capability.ContactStatusMonitoring, 1, 4),
                (Capability.Readers, 0, 1),
            ]
        )
        self._pd = PeripheralDevice(info, capabilities, log_level=LogLevel.Emergency, command_handler=self._command)
        self.context = self._pd.ctx
        self._file: dict[str, Any] = {}
        self.context.register_file_ops(
            0, {"open": self._open, "read": lambda size, offset: b"", "write": self._write, "close": self._close}
        )

    def refresh(self) -> None:
        """Let it read and answer; one frame at a time, and it hears its neighbours' as well."""
        if self.muted:
            self.channel.read(4_096)
            return
        for _ in range(FRAMES_AT_ONCE):
            self.context.refresh()

    def wait_s(self) -> float:
        """How long nothing needs to be looked at, if no byte comes."""
        now_ns = time.monotonic_ns()
        waits = [wait for relay in self._relays if (wait := relay.wait_s(now_ns)) is not None]
        return min([REFRESH_S, *waits])

    def turn_relays(self) -> None:
        """Tell which of them a command or a timer has turned."""
        for number, relay in enumerate(self._relays):
            if (on := relay.changed(time.monotonic_ns())) is not None:
                tell(reader=self._number, relay=number, on=on)

    def do(self, asked: dict[str, Any]) -> None:
        match asked["do"]:
            case "card":
                bits: str = asked["bits"]
                data = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
                self._event(
                    Event.CardRead, direction=0, format=CardFormat.Wiegand, length=len(bits), data=data, reader_no=0
                )
            case "keys":
                self._event(Event.KeyPress, reader_no=0, data=asked["keys"].encode("ascii"))
            case "tamper":
                report = bytes([asked.get("tamper", 0), asked.get("power", 0)])
                self._event(Event.Status, type=StatusReportType.Local, report=report)
            case "inputs":
                self._event(Event.Status, type=StatusReportType.Input, report=bytes(asked["inputs"]))
            case "mute":
                self.muted = True
            case "state":
                tell(
                    reader=self._number,
                    state={"online": self.context.is_online(), "secure": self.context.is_sc_active()},
                )
            case other:
                tell(error=f"nothing is called {other!r}")

    def _event(self, kind: int, **what: Any) -> None:
        tell(reader=self._number, told=kind)
        self.context.submit_event({"event": kind, **what})

    def _command(self, command: dict[str, Any]) -> tuple[int, None]:
        told = {key: value.hex() if isinstance(value, bytes) else value for key, value in command.items()}
        tell(reader=self._number, command=told)
        if told["command"] == OUTPUT and told["output_no"] < RELAYS:
            relay = self._relays[told["output_no"]]
            relay.take(told["control_code"], told["timer_count"], time.monotonic_ns())
        # A fresh tuple each time: libosdp 3.2.9 gives back one reference too many to the constant (0, None).
        return tuple([0, None])  # type: ignore[return-value]

    def _open(self, file_id: int, size: int) -> int:
        self._file = {"id": file_id, "size": size, "data": bytearray(size)}
        return 0

    def _write(self, data: bytes, offset: int) -> int:
        self._file["data"][offset : offset + len(data)] = data
        return len(data)

    def _close(self, file_id: int) -> int:
        told = {"id": self._file["id"], "sha256": hashlib.sha256(self._file["data"]).hexdigest()}
        tell(reader=self._number, file=told)
        return 0


def main() -> None:
    """Serve until `stop` or the end of the input."""
    readers = [Reader(number, asked) for number, asked in enumerate(json.loads(sys.argv[1])["readers"])]
    by_fd = {reader.channel.fd: reader for reader in readers}
    tell(ready=True)
    requests = Requests()
    while not requests.ended:
        ready = select.select([0, *by_fd], [], [], min(reader.wait_s() for reader in readers))[0]
        for asked in requests.read() if 0 in ready else ():
            readers[asked.get("reader", 0)].do(asked)
        for reader in [by_fd[fd] for fd in ready if fd in by_fd] or readers:
            reader.refresh()
        for reader in readers:
            reader.turn_relays()


if __name__ == "__main__":
    main()
