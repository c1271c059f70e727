"""The floor's gateway: each message from a socket is committed to a file, flushed, and the instant told.

python -m bench.subscriber PORT FILE     (the child of bench.revocation; ends when the socket is closed)
"""

import socket
import sqlite3
import struct
import sys
import time

INSTANT = struct.Struct("!q")
"""CLOCK_MONOTONIC in ns: one clock for all processes."""


def main() -> None:
    """One row per message, until there are no more."""
    store = sqlite3.connect(sys.argv[2], isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        store.execute(f"PRAGMA {pragma}")
    store.execute("CREATE TABLE row (body BLOB)")
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while body := line.recv(65_536):
            store.execute("INSERT INTO row VALUES (?)", (body,))
            line.sendall(INSTANT.pack(time.monotonic_ns()))


if __name__ == "__main__":
    main()
