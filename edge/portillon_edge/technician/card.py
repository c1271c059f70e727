"""`portillon-edge card`: make a site's card keys, write cards with them, look what a card proves."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from portillon_config import ConfigError, load
from portillon_drivers.cards.desk import STEP_COUNT, look_at_card, provision
from portillon_drivers.cards.dialogue import run_dialogue
from portillon_drivers.cards.keyring import CardKeyring, load_card_keys
from portillon_drivers.cards.site_tag import DEFAULT_URL, site_text
from portillon_drivers.cards.written_cards import WrittenCards
from portillon_drivers.readers.pn532 import Pn532Options
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from portillon_edge import exit_codes
from portillon_edge.instance_lock import holder
from portillon_edge.technician import card_keys, card_on_reader
from portillon_edge.technician.card_keys import said
from portillon_edge.technician.card_on_reader import CardHere

DEFAULT_CONFIG = Path("/etc/portillon/gateway.toml")
WAIT_SECONDS = 30.0
EXAMPLE = "\b\nExamples:\n"

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Cards that prove themselves (NTAG 424 DNA, MIFARE DESFire): make keys, write cards, look at them.",
)
app.add_typer(card_keys.app, name="keys")


class Practice(StrEnum):
    """Emulated cards."""

    NTAG424 = "ntag424"
    DESFIRE_EV1 = "desfire_ev1"
    DESFIRE_EV2 = "desfire_ev2"


KeysOption = Annotated[Path, typer.Option("--keys", "-k", metavar="FILE", help="The keyring file.")]
ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", metavar="FILE", help="Where --reader is described.", show_default=True)
]
ReaderOption = Annotated[str | None, typer.Option(help='The name of a reader with type = "pn532".')]
PathOption = Annotated[Path | None, typer.Option(help="Instead: the serial device of a PN532 at the desk.")]
UsbOption = Annotated[str | None, typer.Option(help="Instead: a USB reader, vendor:product, as 072f:2200 (ACR122U).")]
EmulatedOption = Annotated[Practice | None, typer.Option(help="Instead: a blank emulated card, for practice.")]
SecondsOption = Annotated[float, typer.Option("--seconds", min=0.1, help="How long to wait for the card.")]


@dataclass(frozen=True, slots=True)
class Where:
    """Which of the options says where the card lies; exactly one must."""

    reader: str | None
    config: Path
    path: Path | None
    usb: str | None
    emulated: Practice | None

    @contextmanager
    def card(self, seconds: float) -> Iterator[CardHere]:
        """The card there; raises typer.BadParameter, typer.Exit, NoCard, DriverError, CardLost."""
        given = [one for one in (self.reader, self.path, self.usb, self.emulated) if one is not None]
        if len(given) != 1:
            raise typer.BadParameter("say where the card lies: one of --reader, --path, --usb or --emulated")
        if self.emulated is not None:
            yield card_on_reader.card_of(card_on_reader.emulated_card(self.emulated))
            return
        options = self._options()
        typer.echo(f"Lay the card on the reader ({options.place}) and leave it there.")
        with card_on_reader.card_on_reader(options, seconds) as card:
            yield card

    def _options(self) -> Pn532Options:
        if self.reader is None:
            try:
                return Pn532Options.model_validate(
                    {"name": "desk", "type": "pn532", "path": self.path, "usb": self.usb}
                )
            except ValidationError:
                raise typer.BadParameter("--usb is vendor:product, for example 072f:2200") from None
        try:
            settings = load(self.config)
        except ConfigError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(exit_codes.CONFIG) from None
        known = {section.name: section for section in settings.readers if isinstance(section, Pn532Options)}
        if self.reader not in known:
            names = ", ".join(known) or "none"
            raise typer.BadParameter(f'{self.reader!r} is no reader with type = "pn532"; there are: {names}')
        pid = holder(settings.gateway.data_dir)
        if pid is not None:
            typer.echo(
                f"The gateway (pid {pid}) runs and holds the reader. Stop it first: systemctl stop portillon-gateway",
                err=True,
            )
            raise typer.Exit(exit_codes.RUNNING_ALREADY)
        return known[self.reader]


@app.command(
    "provision",
    epilog=EXAMPLE
    + "  portillon-edge card provision --keys desk.keys --usb 072f:2200\n"
    + "  portillon-edge card provision --keys desk.keys --reader lane1-reader\n"
    + "  portillon-edge card provision --keys desk.keys --emulated desfire_ev2   # practice",
)
def provision_card(
    keys: KeysOption,
    reader: ReaderOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    path: PathOption = None,
    usb: UsbOption = None,
    emulated: EmulatedOption = None,
    url: Annotated[str, typer.Option(help="The address that a phone finds on an NTAG 424 DNA.")] = DEFAULT_URL,
    seconds: SecondsOption = WAIT_SECONDS,
) -> None:
    """Write the card on the reader with the site's keys, read it back, and tell the credential to enter in the cloud.

    Interrupted or torn, it can be run again with the same card. No key is ever shown.
    """
    _check_url(url)
    where = Where(reader, config, path, usb, emulated)
    with said():
        keyring = load_card_keys(keys)
        keyring.desk_issuer()
        written = WrittenCards.beside(keys)
        with where.card(seconds) as card:
            found = _provision(card, keyring, url, may_be_blank=card.uid not in written)
        if emulated is None:
            written.add(card.uid)
    typer.echo(f"The card is written with version {keyring.current.version}. Its credential, for the cloud:")
    typer.echo(str(found))


def _provision(card: CardHere, keyring: CardKeyring, url: str, *, may_be_blank: bool) -> object:
    bars = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*bars, console=Console(highlight=False), transient=True) as progress:
        task = progress.add_task("", total=STEP_COUNT)
        begun = [0]

        def step(what: str) -> None:
            progress.update(task, completed=begun[0], description=what)
            begun[0] += 1

        dialogue = provision(card.uid, keyring, url=url, may_be_blank=lambda: may_be_blank, progress=step)
        return run_dialogue(dialogue, card.exchange).credential


@app.command(
    "show",
    epilog=EXAMPLE
    + "  portillon-edge card show --keys desk.keys --usb 072f:2200\n"
    + "  portillon-edge card show --keys /etc/portillon/card.keys --reader lane1-reader",
)
def show_card(
    keys: KeysOption,
    reader: ReaderOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    path: PathOption = None,
    usb: UsbOption = None,
    emulated: EmulatedOption = None,
    seconds: SecondsOption = WAIT_SECONDS,
) -> None:
    """Tell what the card on the reader is, which keys it has and what it proves. Exit status 1: nothing.

    Nothing is written; the counter of an NTAG 424 DNA rises, as at a door.
    """
    where = Where(reader, config, path, usb, emulated)
    with said():
        keyring = load_card_keys(keys)
        with where.card(seconds) as card:
            report = run_dialogue(look_at_card(card.uid, keyring), card.exchange)
    typer.echo(f"{report.name}, {report.state}")
    if report.proven is None:
        typer.echo(f"It proves nothing here: {report.why_not}.")
        raise typer.Exit(exit_codes.NOT_SO)
    counter = "" if report.proven.counter is None else f" (counter {report.proven.counter})"
    typer.echo(f"It proves: {report.proven.credential}{counter}")


def _check_url(url: str) -> None:
    try:
        site_text(url)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--url") from None
