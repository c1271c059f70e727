"""A gateway's end of the guard's line in a process of its own, to be killed: asks, renews, and says when it was heard.

python -m edge.guard.asking_gateway SOCKET DIGEST OUTPUT (release ON_MS | hold)
"""

import sys
import threading
import time
from pathlib import Path

from portillon_edge.guard.client import GuardClient
from portillon_edge.guard.errors import GuardUnavailableError
from portillon_edge.guard.protocol import GuardEvent, Locked, Released

RENEW_S = 0.1
"""Often, so that a test need not wait."""


def main() -> None:
    """Ask until killed; a release is asked for once, a hold again and again."""
    socket_path, digest, output, what, *on_ms = sys.argv[1:]
    guard = GuardClient(Path(socket_path), outputs_digest=digest, clock_ns=time.monotonic_ns)
    ready = threading.Event()

    def hear(event: GuardEvent) -> None:
        if isinstance(event, Locked):
            ready.set()
        elif isinstance(event, Released):
            print("released", flush=True)

    threading.Thread(target=guard.run, args=(hear, threading.Event()), daemon=True).start()
    ready.wait()
    if what == "release":
        guard.release(output, int(on_ms[0]))
        threading.Event().wait()
    while True:
        try:
            guard.hold(output)
        except GuardUnavailableError:
            print("unheard", flush=True)
        time.sleep(RENEW_S)


if __name__ == "__main__":
    main()
