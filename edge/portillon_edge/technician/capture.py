"""`portillon-edge capture`: shows what a reader reads, for a technician with an unknown card."""

import queue
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Self, TypeAlias

import typer
from portillon_config import ConfigError, load
from portillon_drivers.errors import DriverError
from portillon_drivers.events import (
    CredentialRead,
    KeyPressed,
    ReaderDown,
    ReaderEvent,
    ReaderFault,
    ReaderUp,
    TextScanned,
)
from portillon_drivers.options import ReaderOptions
from portillon_drivers.ports import Reader
from portillon_drivers.readers.wiegand.frames import RawFrame
from portillon_drivers.readers.wiegand.options import WiegandOptions
from portillon_drivers.readers.wiegand.reader import WiegandReader
from portillon_drivers.registry import build_readers

from portillon_edge import exit_codes
from portillon_edge.boot_clock import boot_ns
from portillon_edge.instance_lock import holder
from portillon_edge.technician.raw_reading import describe

DEFAULT_CONFIG = Path("/etc/portillon/gateway.toml")
EPILOG = (
    "\b\nExamples:\n"
    "  portillon-edge capture lane1-reader\n"
    "  portillon-edge capture lane1-reader --cards 3 --seconds 60   # exit status 1 if fewer were read"
)
HEARD_MAX = 1_000
"""What is read faster than a terminal can show it is left out."""
STOP_SECONDS_MAX = 5.0
LOOK_SECONDS = 0.1

Heard: TypeAlias = ReaderEvent | RawFrame
Hear: TypeAlias = Callable[[Heard], None]


def capture(
    reader: Annotated[str, typer.Argument(metavar="READER", help="The name of a reader in the configuration.")],
    config: Annotated[
        Path, typer.Option("--config", "-c", help="The gateway's .toml file.", show_default=True, metavar="FILE")
    ] = DEFAULT_CONFIG,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="End after this long; default: at Ctrl-C.")] = None,
    cards: Annotated[int | None, typer.Option(min=1, help="End after so many readings.")] = None,
) -> None:
    """Show what a reader reads: raw bits, timing and every format that fits for Wiegand, credentials for all others.

    The gateway must be stopped. Card numbers appear on this terminal and nowhere else.
    """
    options = _section(config, reader)
    heard: queue.Queue[Heard] = queue.Queue(HEARD_MAX)
    stop = threading.Event()

    def hear(what: Heard) -> None:
        if not heard.full():
            heard.put_nowait(what)

    try:
        driver = _driver(options, hear)
    except DriverError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(exit_codes.NOT_SO) from None
    thread = threading.Thread(target=driver.run, args=(hear, stop), name=f"capture {reader}", daemon=True)
    thread.start()
    typer.echo(f"{reader} ({options.type}, {options.place}): hold cards to it; Ctrl-C ends.")
    screen = _Screen(options)
    with _Interrupted() as interrupted:
        try:
            _show_until(screen, heard, thread, interrupted, seconds=seconds, cards=cards)
        finally:
            stop.set()
            thread.join(STOP_SECONDS_MAX)
    while not heard.empty():  # what was made of the last reading
        _echo(screen.lines(heard.get_nowait()))
    typer.echo(f"{screen.readings} readings.")
    enough = interrupted.yes or screen.readings >= (cards or 1)
    raise typer.Exit(exit_codes.OK if enough else exit_codes.NOT_SO)


def _section(config: Path, reader: str) -> ReaderOptions:
    try:
        settings = load(config)
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(exit_codes.CONFIG) from None
    known = {section.name: section for section in settings.readers}
    if reader not in known:
        raise typer.BadParameter(f"there is no reader {reader!r}; there are: {', '.join(known)}", param_hint="READER")
    pid = holder(settings.gateway.data_dir)
    if pid is not None:
        typer.echo(
            f"The gateway (pid {pid}) runs and holds {known[reader].place}: two cannot read one reader. Stop it first:"
            " systemctl stop portillon-gateway. To watch while it runs: portillon-edge status",
            err=True,
        )
        raise typer.Exit(exit_codes.RUNNING_ALREADY)
    return known[reader]


def _driver(options: ReaderOptions, hear: Hear) -> Reader:
    if isinstance(options, WiegandOptions):
        # Without hold-off: whoever looks for a fault wants to see each reading judged.
        return WiegandReader(options.model_copy(update={"hold_off_ms": 0}), boot_ns, observe=hear)
    [driver] = build_readers([options], boot_ns)
    return driver


def _show_until(
    screen: "_Screen",
    heard: "queue.Queue[Heard]",
    thread: threading.Thread,
    interrupted: "_Interrupted",
    *,
    seconds: float | None,
    cards: int | None,
) -> None:
    ends_s = None if seconds is None else time.monotonic() + seconds
    while not interrupted.yes and (cards is None or screen.readings < cards):
        left_s = LOOK_SECONDS if ends_s is None else min(LOOK_SECONDS, ends_s - time.monotonic())
        if left_s <= 0:
            return
        try:
            what = heard.get(timeout=left_s)
        except queue.Empty:
            if not thread.is_alive():
                return
            continue
        _echo(screen.lines(what))


def _echo(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(line)


class _Interrupted:
    """Notes Ctrl-C instead of raising it: raised inside a queue's lock, it would leave that locked for ever."""

    yes = False

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _note(self, *_: object) -> None:
        self.yes = True


class _Screen:
    """What is shown of what was heard; counts the readings."""

    def __init__(self, options: ReaderOptions) -> None:
        self._options = options
        self._before: RawFrame | None = None
        self.readings = 0

    def lines(self, what: Heard) -> Iterator[str]:
        match what:
            case RawFrame() if isinstance(self._options, WiegandOptions):
                self.readings += 1
                first, *rest = describe(what, self._options, before=self._before)
                yield f"{self.readings:>3}: {first}"
                yield from (f"     {line}" for line in rest)
                self._before = what
            case CredentialRead():
                if not isinstance(self._options, WiegandOptions):
                    self.readings += 1
                counter = "" if what.counter is None else f", counter {what.counter}"
                copyable = " (whoever has read it once can copy it)" if what.credential.kind.copyable else ""
                yield f"     told: {what.credential}{counter}{copyable}"
            case TextScanned():
                self.readings += 1
                yield f"     told: text {what.text!r}"
            case KeyPressed():
                yield f"     told: key {what.key}"
            case ReaderFault():
                yield f"     refused: {what.fault}: {what.detail}"
            case ReaderUp():
                yield "     The reader's line is open."
            case ReaderDown():
                yield f"     The reader's line cannot be used: {what.detail}"
            case _:
                return
