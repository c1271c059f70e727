"""The least a gateway could do: wait for a card's bytes on one serial line, put a relay's bytes on another.

python -m bench.echo READER RELAY     (the child of bench.lane; ends when its lines hang up)
"""

import os
import sys

RELEASE = bytes.fromhex("a00101a2")


def main() -> None:
    """Bytes in, one relay command out, until the line is gone."""
    reader, relay = (os.open(path, os.O_RDWR | os.O_NOCTTY) for path in sys.argv[1:3])
    print("ready", flush=True)
    while True:
        try:
            frame = os.read(reader, 64)
        except OSError:
            return
        if not frame:
            return
        os.write(relay, RELEASE)


if __name__ == "__main__":
    main()
