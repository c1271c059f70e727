"""libosdp's control panel as a process, for measuring ours beside it. Runs in an environment of its own.

    .peers/libosdp-built/bin/python tests/peers/libosdp_panel.py '{"path": "/tmp/near", "refresh_ms": 1,
        "readers": [{"address": 1, "scbk": "00112233…"}]}'

Takes {"do": "led", "reader": 0, "colour": 2} and stop; tells {"ready": true}, {"secure": [0, 1]} when the readers with
a secure channel have changed, {"reader": 0, "card": …}, {"reader": 0, "asked": "led"} when a command was handed to
libosdp, {"address": 1, "done": …} when it has ended, and {"cpu_s": …} for {"do": "cpu"}.
"""

import json
import resource
import select
import sys
from typing import Any

from osdp import Command, ControlPanel, Event, LibFlag, LogLevel, PDInfo
from pty_channel import PtyChannel, Requests, tell


def main() -> None:
    """Run the panel until `stop` or the end of the input."""
    options = json.loads(sys.argv[1])
    refresh_s = options["refresh_ms"] / 1_000
    channel = PtyChannel(options["path"], whole_frames=options.get("whole_frames", False))
    readers: list[dict[str, Any]] = options["readers"]
    panel = ControlPanel(
        [
            PDInfo(reader["address"], channel, scbk=bytes.fromhex(reader["scbk"]), flags=[LibFlag.EnforceSecure])
            for reader in readers
        ],
        log_level=LogLevel.Emergency,
        event_handler=heard,
        command_completion_handler=lambda address, command, status: tell(address=address, done=status),
    )
    tell(ready=True)
    requests, secure = Requests(), 0
    while not requests.ended:
        for asked in requests.read() if select.select([0], [], [], refresh_s)[0] else ():
            match asked["do"]:
                case "led":
                    tell(reader=asked["reader"], asked="led")
                    panel.ctx.submit_command(asked["reader"], led(asked["colour"]))
                case "cpu":
                    used = resource.getrusage(resource.RUSAGE_SELF)
                    tell(cpu_s=used.ru_utime + used.ru_stime)
        panel.ctx.refresh()
        if panel.ctx.sc_status() != secure:
            secure = panel.ctx.sc_status()
            tell(secure=[number for number in range(len(readers)) if secure >> number & 1])


def heard(reader: int, event: dict[str, Any]) -> int:
    """An event came from a reader."""
    if event["event"] == Event.CardRead:
        tell(reader=reader, card=event["data"].hex())
    return 0


def led(colour: int) -> dict[str, Any]:
    """The command that turns the first LED to a colour for good."""
    return {
        "command": Command.LED,
        "reader": 0,
        "led_number": 0,
        "control_code": 1,
        "on_count": 1,
        "off_count": 0,
        "on_color": colour,
        "off_color": colour,
        "timer_count": 0,
        "temporary": False,
    }


if __name__ == "__main__":
    main()
