"""`portillon-edge simulate FILE`: a whole site on a laptop. The true gateway, guard and drivers; simulated hardware."""

import logging
import select
import sys
import tempfile
import threading
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Annotated

import typer
from portillon_config import ConfigError
from portillon_drivers.errors import DriverError
from portillon_drivers.options import PinUse
from portillon_rules.card_number import parse_presented
from portillon_rules.credential import Credential, CredentialError, CredentialKind
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from portillon_edge import exit_codes
from portillon_edge.boot_clock import boot_ns
from portillon_edge.gateway import Gateway
from portillon_edge.health.report import HealthReport, LastEvent
from portillon_edge.status_view import door_line, doors_screen, status_screen
from portillon_edge.technician.practice_commands import PracticeCommands, WrongCommand
from portillon_edge.technician.practice_site import DURESS_PIN, PIN, PIN_ALONE, PracticeSite
from portillon_edge.words import LOCALES, Words

LOOK_SECONDS = 0.1
LIVE_SECONDS = 0.2
SETTLE_SECONDS = 0.5
UP_SECONDS_MAX = 15.0
SHOWN = {CredentialKind.PHONE: "pass", CredentialKind.DAY_CODE: "code"}
STYLES = {"granted": "green", "passage": "green", "denied": "red", "alarm": "bold red"}


def simulate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A gateway's .toml file; it is only read.")],
    member: Annotated[
        list[str] | None,
        typer.Option(
            help="One more member's credential, and their language if it is known; can be given again.",
            metavar="CREDENTIAL[=en|fr]",
        ),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--dir", help="Keep the practice site's files here.", metavar="DIR")
    ] = None,
) -> None:
    """Play a whole site on this machine: the devices of FILE are simulated, and you hold cards to its readers.

    Commands come from the keyboard or from a pipe: help lists them. No cloud, true device or true key is touched.
    """
    with ExitStack() as stack:
        home = folder or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="portillon-", ignore_cleanup_errors=True))
        )
        try:
            others = [_member(text) for text in member or ()]
            site = PracticeSite(file, home)
        except CredentialError as error:
            raise typer.BadParameter(str(error), param_hint="--member") from None
        except (ConfigError, DriverError) as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(exit_codes.CONFIG) from None
        stack.callback(site.close)
        site.seed(site.member_credentials(), others)
        site.plug()
        _play(site)


def _member(text: str) -> tuple[Credential, str | None]:
    credential, _, language = text.partition("=")
    if language and language not in LOCALES:
        raise CredentialError(f"{language!r} is no language spoken here; write {' or '.join(LOCALES)}")
    return parse_presented(credential), language or None


def _play(site: PracticeSite) -> None:
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(name)s: %(message)s")
    console = Console(highlight=False)
    gateway = Gateway(
        site.config, site.keys, config_path=site.config_path, fail=lambda why: console.print(Text(why, "red"))
    )
    gateway.start()
    watch = _Watch(gateway, console)
    words = Words(site.config.gateway.language)
    commands = PracticeCommands(
        site, state=lambda: status_screen(gateway.look(), words, boot_ns()), live=lambda: _live(gateway, console)
    )
    try:
        watch.until_up()
        console.print(_what_to_try(site))
        for line in _lines():
            try:
                answer = commands.carry_out(line)
            except WrongCommand as error:
                answer = Text(str(error), "yellow")
            if answer is not None:
                console.print(answer)
            watch.settle()
    finally:
        watch.stop()
        gateway.stop()


def _live(gateway: Gateway, console: Console) -> None:
    """Draw the doors anew until Enter; without a terminal once."""
    with Live(console=console, auto_refresh=False, screen=console.is_terminal) as live:
        while True:
            live.update(doors_screen(gateway.look(), boot_ns()), refresh=True)
            if not sys.stdin.isatty():
                return
            if select.select([sys.stdin], [], [], LIVE_SECONDS)[0]:
                sys.stdin.readline()
                return


def _lines() -> Iterable[str]:
    """What is typed, until quit, Ctrl-D or Ctrl-C; from a pipe each line is shown as it is taken."""
    interactive = sys.stdin.isatty()
    if interactive:
        with suppress(ImportError):
            import readline  # noqa: F401  line editing and history
    with suppress(EOFError, KeyboardInterrupt):
        while True:
            line = input("> ").strip()
            if not interactive:
                print(line)
            if line in ("quit", "exit"):
                return
            yield line


class _Watch:
    """Prints what the gateway wrote down, as it happens."""

    def __init__(self, gateway: Gateway, console: Console) -> None:
        self._gateway = gateway
        self._console = console
        self._told_ns = 0
        self._report: HealthReport = gateway.look()
        self._stop = threading.Event()
        self._looked = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="practice watch", daemon=True)
        self._thread.start()

    def until_up(self) -> None:
        """Wait until every device has been heard of."""
        with self._looked:
            self._looked.wait_for(lambda: all(d.state == "up" for d in self._report.devices), UP_SECONDS_MAX)

    def settle(self) -> None:
        """Let what was just done show before the next prompt."""
        self._stop.wait(SETTLE_SECONDS)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            report = self._gateway.look()
            with self._looked:
                before, self._report = self._report, report
                self._looked.notify_all()
            for event in report.last_events:
                if event.boot_ns > self._told_ns:
                    self._console.print(_told(event))
            self._told_ns = max((event.boot_ns for event in report.last_events), default=0)
            for door in report.doors:
                if door not in before.doors:
                    self._console.print(Text("  ") + door_line(door))


def _told(event: LastEvent) -> Text:
    return Text(f"  {event.door or ''}  {event.kind}  {event.why}".rstrip(), STYLES.get(event.kind, "dim"))


def _what_to_try(site: PracticeSite) -> Table:
    table = Table("reader", "type", "door", "the member's", "try", box=None, pad_edge=False)
    door_of = {
        reader: door.name
        for door in site.config.doors
        for reader in (*door.readers, *getattr(door, "exit_readers", ()))
    }
    for options in site.config.readers:
        name = options.name
        first = f"{SHOWN.get(site.member_credential(options).kind, 'present')} {name}"
        then = {
            PinUse.NEVER: "",
            PinUse.WITH_CARD: f", then press {name} {PIN}# (under duress {DURESS_PIN}#)",
            PinUse.ALONE: f", or press {name} {PIN_ALONE}#",
        }[options.pin]
        table.add_row(name, options.type, door_of[name], str(site.member_credential(options)), first + then)
    return table
