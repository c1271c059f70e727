"""`portillon-edge osdp`: find OSDP readers on a line, give each a key of its own, update their firmware."""

import getpass
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from portillon_config import ConfigError, GatewayConfig, load
from portillon_drivers.errors import DriverError
from portillon_drivers.options import SerialOptions
from portillon_drivers.osdp import clear_text_waiver
from portillon_drivers.osdp.commissioning import Commissioning
from portillon_drivers.osdp.identity import Identity
from portillon_drivers.osdp.key_file import ReaderFiles
from portillon_drivers.osdp.panel import PanelReader
from portillon_drivers.osdp.panel_events import ReaderFound
from portillon_drivers.osdp.scan import SPEEDS, scan
from portillon_drivers.osdp.update import Update
from portillon_drivers.readers.osdp import ADDRESS_MAX, OsdpOptions
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from portillon_edge import exit_codes
from portillon_edge.boot_clock import boot_ns
from portillon_edge.instance_lock import holder
from portillon_edge.technician.commissioning_log import CommissioningLog

DEFAULT_CONFIG = Path("/etc/portillon/gateway.toml")
WINDOW_SECONDS = 60
WINDOW_SECONDS_MAX = 600
FILE_BYTES_MAX = 16 * 1024 * 1024
EXAMPLE = "\b\nExamples:\n"

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="OSDP readers: find them on a line, give each a key of its own, update their firmware.",
)

ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", help="The gateway's .toml file.", show_default=True, metavar="FILE")
]
ReaderArgument = Annotated[str, typer.Argument(metavar="READER", help='The name of a reader with type = "osdp".')]


@app.command(
    "scan",
    epilog=EXAMPLE
    + "  portillon-edge osdp scan /dev/serial/by-id/usb-FTDI_…\n"
    + "  portillon-edge osdp scan /dev/ttyUSB0 --baud 9600 --last-address 15",
)
def scan_line(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The serial device of the line.")],
    baud: Annotated[list[int] | None, typer.Option(help="Only at this speed; can be given again.")] = None,
    first_address: Annotated[int, typer.Option(min=0, max=ADDRESS_MAX)] = 0,
    last_address: Annotated[int, typer.Option(min=0, max=ADDRESS_MAX)] = ADDRESS_MAX,
    rs485_mode: Annotated[bool, typer.Option(help="The kernel must switch the RS-485 driver.")] = False,
) -> None:
    """Ask every address at every speed who is there. Nothing is changed at any reader. Exit status 1: nobody is."""
    speeds = tuple(baud) if baud else SPEEDS
    if unknown := [speed for speed in speeds if speed not in SPEEDS]:
        raise typer.BadParameter(f"{unknown[0]} is no speed of OSDP: {', '.join(map(str, sorted(SPEEDS)))}")
    addresses = range(first_address, last_address + 1)
    line = SerialOptions(path=path, rs485_mode=rs485_mode)
    table = Table("address", "Bd", "vendor", "model", "serial", "firmware", "can encrypt", box=None, pad_edge=False)
    bars = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with _said(), Progress(*bars, console=Console(highlight=False), transient=True) as progress:
        task = progress.add_task("asking", total=len(speeds) * len(addresses))
        for asked in scan(line, speeds=speeds, addresses=addresses, clock_ns=boot_ns):
            progress.update(task, advance=1, description=f"asking at {asked.baud} Bd")
            if asked.found is not None:
                table.add_row(str(asked.address), str(asked.baud), *_described(asked.found))
    if table.row_count == 0:
        typer.echo(
            f"Nobody answered on {path}. Check the readers' power, exchange A and B, and look whether the readers are"
            " set to OSDP (many come set to Wiegand)."
        )
        raise typer.Exit(exit_codes.NOT_SO)
    Console(highlight=False, width=110).print(table)


@app.command(
    epilog=EXAMPLE
    + "  portillon-edge osdp commission lane1-reader\n"
    + "  portillon-edge osdp commission lane1-reader --again   # a new key for a reader that has one, or a new reader"
)
def commission(
    reader: ReaderArgument,
    config: ConfigOption = DEFAULT_CONFIG,
    window: Annotated[
        int, typer.Option(min=5, max=WINDOW_SECONDS_MAX, help="For so many seconds the default key may be used.")
    ] = WINDOW_SECONDS,
    again: Annotated[bool, typer.Option("--again", help="It has a key file already: set another key.")] = False,
) -> None:
    """Give a reader a random key of its own and remember who it is. The gateway must be stopped. No key is ever shown.

    A factory-new reader takes it at once; any other must be put into installation mode first, as its manual says.
    """
    settings, options = _osdp_section(config, reader)
    if options.key_file is None:
        raise typer.BadParameter(f"{reader} runs in clear text by its configuration: it has no key")
    files = ReaderFiles(options.key_file)
    if files.has_key and not again:
        raise typer.BadParameter(f"{options.key_file} is there already; set another key with --again")
    log = CommissioningLog(settings.gateway.data_dir, reader=reader, place=options.place, by=getpass.getuser())

    def tell(what: str) -> None:
        log.write(what)
        typer.echo(what)

    commissioning = Commissioning(
        options, baud=options.baud, address=options.address, files=files, clock_ns=boot_ns, tell=tell
    )
    with _said():
        log.write(f"the window opens for {window} s")
        typer.echo(f"For {window} s {options.place} may use the default key…")
        try:
            done = commissioning.run(window * 1_000_000_000)
        except BaseException as error:
            log.write(f"the window is closed: {error or type(error).__name__}")
            raise
        log.write(f"the window is closed: a new key was set at {_identity(done.identity)}")
    typer.echo(f"{reader} has a key of its own: {_identity(done.identity)}. The key is in {options.key_file}.")
    typer.echo("Start the gateway again: systemctl start portillon-gateway")


@app.command(epilog=EXAMPLE + "  portillon-edge osdp update lane1-reader firmware-2.1.bin")
def update(
    reader: ReaderArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file as the vendor delivers it.")],
    config: ConfigOption = DEFAULT_CONFIG,
    file_type: Annotated[int, typer.Option(min=1, max=255, help="The vendor's manual says; 1 is firmware.")] = 1,
) -> None:
    """Send a file to a reader, usually its firmware. The gateway must be stopped: its lane reads no cards meanwhile."""
    _, options = _osdp_section(config, reader)
    if options.key_file is None:
        raise typer.BadParameter(f"{reader} runs in clear text: nothing proves to it where the file comes from")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}") from None
    if not 0 < len(content) <= FILE_BYTES_MAX:
        raise typer.BadParameter(f"{file} has {len(content)} bytes; 1 to {FILE_BYTES_MAX} can be sent")
    bars = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with _said():
        known = ReaderFiles(options.key_file).load()
        settings = PanelReader(options.address, scbk=known.scbk, other_scbk=known.other_scbk, identity=known.identity)
        with Progress(*bars, console=Console(highlight=False)) as progress:
            task = progress.add_task(f"{file.name} to {reader}", total=len(content))
            Update(
                options,
                baud=options.baud,
                reader=settings,
                clock_ns=boot_ns,
                progress=lambda sent_bytes: progress.update(task, completed=sent_bytes),
            ).run(content, file_type)
    typer.echo(f"{reader} has taken {file.name}. It may start anew now, which takes up to a minute.")


@app.command(epilog=EXAMPLE + "  portillon-edge osdp waive lane2-reader --key waivers.pem --days 90")
def waive(
    reader: ReaderArgument,
    key: Annotated[Path, typer.Option(metavar="FILE", help="The private key (Ed25519, PEM) that signs waivers.")],
    days: Annotated[int, typer.Option(min=1, max=clear_text_waiver.LIFETIME_DAYS_MAX, help="It ends after this long.")],
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Sign the permission to run one reader in clear text, for a reader that cannot encrypt. Best done at a desk."""
    _, options = _osdp_section(config, reader, running_is_fine=True)
    if options.waiver_file is None:
        raise typer.BadParameter(f"{reader} encrypts by its configuration: it needs no waiver")
    try:
        private = load_pem_private_key(key.read_bytes(), password=None)
    except (OSError, ValueError, TypeError):
        raise typer.BadParameter(f"{key} is no readable private key without a password (PEM)") from None
    if not isinstance(private, Ed25519PrivateKey):
        raise typer.BadParameter(f"{key} is no Ed25519 key: openssl genpkey -algorithm ed25519 makes one")
    if private.public_key().public_bytes_raw().hex() != options.waiver_key:
        raise typer.BadParameter(f"{key} is not the private half of the waiver_key of {reader}")
    now_s = int(time.time())
    waiver = clear_text_waiver.ClearTextWaiver(
        reader=reader, place=options.place, iat=now_s, exp=now_s + days * clear_text_waiver.DAY_S
    )
    options.waiver_file.write_text(clear_text_waiver.sign(waiver, private) + "\n", encoding="ascii")
    typer.echo(f"{options.waiver_file}: {reader} at {options.place} may run in clear text for {days} days.")


def _osdp_section(config: Path, reader: str, *, running_is_fine: bool = False) -> tuple[GatewayConfig, OsdpOptions]:
    with _said():
        settings = load(config)
    known = {section.name: section for section in settings.readers if isinstance(section, OsdpOptions)}
    if reader not in known:
        there_are = ", ".join(known) or "none at all"
        raise typer.BadParameter(f"there is no OSDP reader {reader!r}; there are: {there_are}", param_hint="READER")
    pid = holder(settings.gateway.data_dir)
    if pid is not None and not running_is_fine:
        typer.echo(
            f"The gateway (pid {pid}) holds this line. Put the lane into maintenance, then stop the gateway:"
            " systemctl stop portillon-gateway",
            err=True,
        )
        raise typer.Exit(exit_codes.RUNNING_ALREADY)
    return settings, known[reader]


@contextmanager
def _said() -> Iterator[None]:
    """Failures become one sentence and an exit status."""
    try:
        yield
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(exit_codes.CONFIG) from None
    except DriverError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(exit_codes.NOT_SO) from None


def _described(found: ReaderFound) -> tuple[str, ...]:
    who = found.identity
    firmware = ".".join(map(str, who.firmware))
    secure = "yes" if found.capabilities.secure_channel else "NO"
    return f"{who.vendor:06X}", f"{who.model} v{who.version}", f"{who.serial:08X}", firmware, secure


def _identity(who: Identity) -> str:
    return f"vendor {who.vendor:06X}, model {who.model}, serial number {who.serial:08X}"
