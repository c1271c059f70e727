"""Looks at every device once, for `portillon-edge check`: opens what nobody holds, asks the guard for the rest."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from portillon_config import GatewayConfig
from portillon_drivers.errors import DriverError
from portillon_drivers.ports import Indicator, Output
from portillon_drivers.registry import build_indicators, build_inputs, build_outputs, build_readers

from portillon_edge.boot_clock import boot_ns
from portillon_edge.device_threads import DeviceThreads
from portillon_edge.guard.client import GuardClient
from portillon_edge.guard.identity import outputs_digest
from portillon_edge.guard.protocol import GuardEvent, GuardLost
from portillon_edge.health.board import GUARD, Device, HealthBoard

ANSWER_SECONDS_MAX = 3.0
POLL_SECONDS = 0.02
UNHEARD = "not opened yet"

ADVICE = {
    "reader": "Check power and cable, and that `path` is the reader's: ls -l /dev/serial/by-id",
    "input": "Check the board's power, its RS-485 pair and `address`; for a pin check its wiring.",
    "output": "Check the relay board's power and cable, and that `path` is its own: ls -l /dev/serial/by-id",
    "indicator": "Check its wiring, and the pins, `reader` or I²C address in its section.",
    "guard": "Start it: systemctl start portillon-guard (or set spawn_guard = true), then look at its journal.",
}


def advice(device: Device) -> str:
    """What to do about a device that does not work; nothing for one that does."""
    return "" if device.state == "up" else ADVICE[device.kind.split()[0]]


def look_at_devices(
    config: GatewayConfig, kinds: Mapping[str, str], remarks: Mapping[str, tuple[str, ...]]
) -> tuple[Device, ...]:
    """Every device as it answers now. Not to be used while a gateway runs: its report says it better."""
    board = HealthBoard(kinds, remarks)
    readers = build_readers(config.readers, boot_ns)
    devices = DeviceThreads(readers, build_inputs(config.inputs, boot_ns), emit=board.note, clock_ns=boot_ns)
    devices.start()
    _look_at_outputs(config, board)
    _look_at_each(build_indicators(config.indicators, readers), board)
    timed = {section.name: section.relies_on for section in config.outputs if not section.guarded}
    _wait_until(lambda: all(device.detail != UNHEARD or device.name in timed for device in board.devices()))
    devices.stop()
    _as_their_readers(timed, board)
    for device in board.devices():
        if device.detail == UNHEARD:
            board.set(device.name, "down", f"no answer within {ANSWER_SECONDS_MAX:.0f} s")
    return board.devices()


def _look_at_outputs(config: GatewayConfig, board: HealthBoard) -> None:
    """A guard that runs holds the outputs and tells how they stand; else they are opened here, untouched."""
    if _ask_guard(config, board):
        return
    if config.gateway.spawn_guard:
        board.set(GUARD, "up", "")  # the gateway starts it
    else:
        board.set(GUARD, "down", "does not run")
    _look_at_each(build_outputs(config.outputs, boot_ns), board)


def _as_their_readers(timed: Mapping[str, str | None], board: HealthBoard) -> None:
    """An output that is part of a reader is there if its reader is; asking it would move it."""
    by_name = {device.name: device for device in board.devices()}
    for name, reader in timed.items():
        if reader in by_name:
            board.set(name, by_name[reader].state, by_name[reader].detail)


def _look_at_each(devices: Iterable[Output | Indicator], board: HealthBoard) -> None:
    for device in devices:
        try:
            device.open()
            board.set(device.name, "up", "")
        except DriverError as error:
            board.set(device.name, "down", str(error))
        finally:
            device.close()


def _ask_guard(config: GatewayConfig, board: HealthBoard) -> bool:
    if not _listens(config.gateway.guard_path):
        return False
    refused = threading.Event()

    def note(event: GuardEvent) -> None:
        board.note(event)
        if isinstance(event, GuardLost):
            refused.set()

    client = GuardClient(config.gateway.guard_path, outputs_digest=outputs_digest(config.outputs), clock_ns=boot_ns)
    stop = threading.Event()
    thread = threading.Thread(target=client.run, args=(note, stop), daemon=True)
    thread.start()
    names = {output.name for output in config.outputs if output.guarded} | {GUARD}
    heard = _wait_until(
        lambda: refused.is_set() or all(device.detail != UNHEARD for device in board.devices() if device.name in names)
    )
    stop.set()
    thread.join(ANSWER_SECONDS_MAX)
    return heard


def _listens(path: Path) -> bool:
    with suppress(OSError):
        return path.is_socket()
    return False


def _wait_until(done: Callable[[], bool]) -> bool:
    until = time.monotonic() + ANSWER_SECONDS_MAX
    while time.monotonic() < until:
        if done():
            return True
        time.sleep(POLL_SECONDS)
    return done()
