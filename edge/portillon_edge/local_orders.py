"""Orders given at the gateway itself, without a cloud: a Unix socket that only its owner and root can open.

One JSON line in, `{"do": …, "door": name or "*", "minutes": n}` (open, free, block, lockdown, release, reset_fire, and
acknowledge with `alarm` and `note`), one out, `{"by": …}` or `{"refused": why}`. Who gives the order is what the kernel
says of the peer, never what the peer says. What comes of an order is written down by the doors, with that name.
"""

import json
import logging
import os
import pwd
import socket
import struct
import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

from portillon_config.model import ORDERS_SOCKET
from portillon_rules.door_plan import EVERY_DOOR, Standing
from portillon_wire.alarm_classes import Alarm

from portillon_edge.doors.staff_order import (
    LOCAL_HOLD_MS_MAX,
    Acknowledge,
    HoldDoor,
    OpenDoor,
    ReleaseDoor,
    ResetFire,
    StaffOrder,
)

logger = logging.getLogger(__name__)

LINE_BYTES_MAX = 1_024
PEER_S_MAX = 2.0
"""A peer that says nothing for so long is let go: there is one at a time."""
STANDINGS = {"free": Standing.FREE, "block": Standing.BLOCKED, "lockdown": Standing.LOCKDOWN}
MS_PER_MINUTE = 60_000
MINUTES_MAX = LOCAL_HOLD_MS_MAX // MS_PER_MINUTE
NOTE_MAX = 200
ALL = "all"
"""How a person writes every door, or every alarm."""


class OrderRefused(Exception):
    """Not an order that can be given here; the message says what to do."""


def read_order(line: bytes, *, by: str, doors: Collection[str], now_ns: int) -> StaffOrder:
    """The order in one line; raises OrderRefused."""
    try:
        asked: Any = json.loads(line)
    except ValueError as error:
        raise OrderRefused(f"a line that is no JSON: {error}") from None
    if not isinstance(asked, dict):
        raise OrderRefused("write a JSON object")
    do, door, minutes = asked.get("do"), asked.get("door"), asked.get("minutes", MINUTES_MAX)
    if do == "reset_fire":
        return ResetFire(by, now_ns)
    if do == "acknowledge" and door is None:
        door = EVERY_DOOR
    if not isinstance(door, str) or (door not in doors and (door != EVERY_DOOR or do == "open")):
        raise OrderRefused(f"there is no door {door!r}; there are: {', '.join(sorted(doors))}")
    if do == "open":
        return OpenDoor(door, by, now_ns)
    if do == "release":
        return ReleaseDoor(door, by, now_ns)
    if do == "acknowledge":
        return _acknowledge(asked, None if door == EVERY_DOOR else door, by=by, now_ns=now_ns)
    if do not in STANDINGS:
        raise OrderRefused(
            f"nothing here can do {do!r}; write open, {', '.join(STANDINGS)}, release, reset_fire or acknowledge"
        )
    if type(minutes) is not int or not 1 <= minutes <= MINUTES_MAX:
        raise OrderRefused(f"minutes = {minutes!r}: write 1 to {MINUTES_MAX}, or give the order in the cloud")
    return HoldDoor(door, STANDINGS[do], by, now_ns, minutes * MS_PER_MINUTE)


def door_named(door: str) -> str:
    """The door that a person means: EVERY_DOOR for ALL."""
    return EVERY_DOOR if door == ALL else door


def _acknowledge(asked: dict[str, Any], door: str | None, *, by: str, now_ns: int) -> Acknowledge:
    alarm, note = asked.get("alarm", ALL), asked.get("note") or None
    if alarm != ALL and alarm not in set(Alarm):
        raise OrderRefused(f"there is no alarm {alarm!r}; write {ALL}, or one of: {', '.join(sorted(Alarm))}")
    if note is not None and (not isinstance(note, str) or len(note) > NOTE_MAX):
        raise OrderRefused(f"a note is a text of at most {NOTE_MAX} characters")
    return Acknowledge(None if alarm == ALL else Alarm(alarm), by, now_ns, door, note)


def give_order(data_dir: Path, asked: dict[str, Any]) -> str:
    """Hand an order to the gateway that runs on `data_dir`; returns as whom. Raises OrderRefused."""
    path = data_dir / ORDERS_SOCKET
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(PEER_S_MAX)
        try:
            line.connect(str(path))
            line.sendall(json.dumps(asked).encode() + b"\n")
            answer = json.loads(_line_from(line))
        except PermissionError:
            raise OrderRefused(f"{path} belongs to the gateway's user: run this with sudo") from None
        except (OSError, ValueError) as error:
            raise OrderRefused(f"no gateway takes orders on {path} ({error}): is it running?") from None
    if "refused" in answer:
        raise OrderRefused(answer["refused"])
    return str(answer["by"])


class LocalOrders:
    """Listens on the socket in a thread of its own, from `start` to `stop`."""

    def __init__(
        self, data_dir: Path, *, doors: Collection[str], clock_ns: Callable[[], int], put: Callable[[StaffOrder], None]
    ) -> None:
        self._path = data_dir / ORDERS_SOCKET
        self._doors = doors
        self._clock_ns = clock_ns
        self._put = put
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._thread = threading.Thread(target=self._run, name="local orders", daemon=True)

    def start(self) -> None:
        """Take orders from now on; raises OSError."""
        self._path.unlink(missing_ok=True)  # the instance lock says that no other gateway listens here
        before = os.umask(0o177)
        try:
            self._listening.bind(str(self._path))
        finally:
            os.umask(before)
        self._listening.listen()
        self._thread.start()

    def stop(self) -> None:
        """Take none any more."""
        with suppress(OSError):  # it never listened
            self._listening.shutdown(socket.SHUT_RDWR)
        if self._thread.is_alive():
            self._thread.join(PEER_S_MAX)
        self._listening.close()
        self._path.unlink(missing_ok=True)

    def _run(self) -> None:
        while True:
            try:
                peer, _ = self._listening.accept()
            except OSError:
                return  # stopped
            with peer:
                try:
                    self._serve(peer)
                except OSError as error:
                    logger.warning("an order was not heard to its end: %s", error)

    def _serve(self, peer: socket.socket) -> None:
        peer.settimeout(PEER_S_MAX)
        by = _who(peer)
        try:
            order = read_order(_line_from(peer), by=by, doors=self._doors, now_ns=self._clock_ns())
        except OrderRefused as error:
            answer = {"refused": str(error)}
        else:
            self._put(order)
            answer = {"by": by}
        peer.sendall(json.dumps(answer).encode() + b"\n")


def _who(peer: socket.socket) -> str:
    size = struct.calcsize("3i")
    _, uid, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    return f"local:{name}"[:64]


def _line_from(line: socket.socket) -> bytes:
    received = b""
    while not received.endswith(b"\n") and len(received) < LINE_BYTES_MAX:
        data = line.recv(LINE_BYTES_MAX)
        if not data:
            break
        received += data
    return received
