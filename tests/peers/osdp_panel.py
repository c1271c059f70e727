"""PyPI `osdp`'s control panel as a process: a second opinion on our frames and our secure channel.

    .peers/osdp/bin/python tests/peers/osdp_panel.py '{"path": "/tmp/reader", "address": 1, "master_key": "00112233…"}'

Takes {"do": "ask", "what": "id" | "capabilities" | "local_status"},
{"do": "output", "number": 1} and stop; tells {"ready": true}, {"secure": true}, {"card": bits}, {"keys": text},
{"tamper": bool} and {"answer": …}. (Its LED command asks for a permanent state with a code that the standard lacks.)
"""

import json
import os
import sys
import threading
import time
from typing import Any

import osdp

_lock = threading.Lock()


def tell(**what: Any) -> None:
    """One JSON line to whoever started this."""
    with _lock:
        print(json.dumps(what), flush=True)


class Panel(osdp.ControlPanel):  # type: ignore[misc]
    """Tells what it hears."""

    def on_raw_card_data_reply_received(self, address: int, raw_card_data: Any) -> None:
        bits = "".join(f"{byte:08b}" for byte in raw_card_data.data)
        tell(card=bits[: raw_card_data.bit_count])

    def on_keypad_data_reply_received(self, address: int, keypad_data: Any) -> None:
        tell(keys=keypad_data.data.decode("latin-1"))

    def on_local_status_report_reply_received(self, address: int, local_status: Any) -> None:
        tell(tamper=local_status.tamper)


def main() -> None:
    """Run the panel until `stop` or the end of the input."""
    options = json.loads(sys.argv[1])
    address = options["address"]
    panel = Panel(bytes.fromhex(options["master_key"]))
    bus = panel.start_connection(osdp.SerialPortOsdpConnection(options["path"], options.get("baud", 115_200)))
    panel.add_device(bus, address, options.get("crc", True), True)
    tell(ready=True)
    threading.Thread(target=watch_channel, args=(panel, bus, address), daemon=True).start()
    for line in sys.stdin:
        asked = json.loads(line)
        match asked["do"]:
            case "stop":
                break
            case "ask":
                ask = {
                    "id": panel.id_report,
                    "capabilities": panel.device_capabilities,
                    "local_status": panel.local_status,
                }[asked["what"]]
                tell(answer=readable(ask(bus, address)))
            case "output":
                control = osdp.OutputControl(
                    asked["number"], osdp.OutputControlCode.PermanentStateOnAbortTimedOperation, 0
                )
                tell(answer=panel.output_control(bus, address, osdp.OutputControls([control])))
    os._exit(0)  # its own shutdown ends in a traceback


def watch_channel(panel: Panel, bus: Any, address: int) -> None:
    """Tells once that the secure channel is up."""
    device = panel._buses[bus]._configured_devices[address]
    while not device.is_security_established:
        time.sleep(0.01)
    tell(secure=True)


def readable(answer: Any) -> Any:
    """What JSON can carry of an answer object."""
    if isinstance(answer, bytes):
        return answer.hex()
    if isinstance(answer, list | tuple):
        return [readable(item) for item in answer]
    if hasattr(answer, "__dict__"):
        return {key: readable(value) for key, value in vars(answer).items()}
    return answer if isinstance(answer, int | str | bool | None) else str(answer)


if __name__ == "__main__":
    main()
