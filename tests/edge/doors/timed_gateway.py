"""A process that drives one OSDP relay as a gateway does, until it is killed: `timed_gateway.py SECTIONS ORDER`."""

import json
import sys
import threading
import time

from portillon_drivers.readers.osdp import DRIVER, OsdpOptions
from portillon_drivers.registry import TIMED_OUTPUTS, build_timed_outputs, options_model
from portillon_edge.doors.timed_outputs import TimedOutputs
from portillon_edge.guard.protocol import GuardEvent, Locked

RENEW_S = 0.2


def main() -> None:
    """Order "pulse": one release of 2 s. Order "hold": a hold, renewed for ever."""
    sections, order = json.loads(sys.argv[1]), sys.argv[2]
    readers = list(DRIVER.build([OsdpOptions.model_validate(sections["reader"])], time.monotonic_ns))
    output = options_model(TIMED_OUTPUTS, "osdp").model_validate(sections["output"])
    locked = threading.Event()

    def tell(event: GuardEvent) -> None:
        timed.note(event)
        if isinstance(event, Locked):
            locked.set()

    built = build_timed_outputs([output], time.monotonic_ns, readers)
    timed = TimedOutputs(built, [output], clock_ns=time.monotonic_ns, tell=tell)
    never = threading.Event()
    threading.Thread(target=readers[0].run, args=(lambda _: None, never), daemon=True).start()
    locked.wait()
    if order == "pulse":
        timed.release(output.name, 2_000)
    while not never.wait(RENEW_S):
        if order == "hold":
            timed.hold(output.name)


if __name__ == "__main__":
    main()
