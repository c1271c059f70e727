"""`portillon-edge door`: watch the doors of the gateway on this machine, and give them orders without a cloud."""

from pathlib import Path
from typing import Annotated, Any

import typer
from portillon_config import ConfigError, GatewayConfig, load
from portillon_wire.alarm_classes import Alarm
from rich.console import Console
from rich.live import Live

from portillon_edge import exit_codes
from portillon_edge.boot_clock import boot_ns
from portillon_edge.local_orders import ALL, MINUTES_MAX, OrderRefused, door_named, give_order
from portillon_edge.saved_state import fresh_report
from portillon_edge.status_view import doors_screen
from portillon_edge.stop_signal import StopSignal

LOOK_SECONDS = 0.5

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Watch the doors of this gateway; open, free, block or release them; take note of alarms. Without the cloud.",
    epilog="An order is written down with your user name. Fire and the exit buttons stand above every order.",
)
ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", help="The gateway's .toml file.", show_default=True, metavar="FILE")
]
DEFAULT_CONFIG = Path("/etc/portillon/gateway.toml")
DoorArgument = Annotated[str, typer.Argument(help="The name of a door.", metavar="DOOR")]
DoorsArgument = Annotated[str, typer.Argument(help='The name of a door, or "all".', metavar="DOOR")]
AlarmArgument = Annotated[
    str, typer.Argument(help=f'"{ALL}", or one of: {", ".join(sorted(Alarm))}.', metavar="ALARM", show_default=True)
]
MinutesOption = Annotated[
    int, typer.Option(min=1, max=MINUTES_MAX, help="It ends by itself after so many minutes, or when the gateway ends.")
]
EXAMPLE = "\b\nExamples:\n"


@app.command(epilog=EXAMPLE + "  portillon-edge door watch   # Ctrl-C ends it")
def watch(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Show every door live: how it stands and why, open or shut, what is wrong, and what happened last."""
    data_dir = _load(config).gateway.data_dir
    report = fresh_report(data_dir)
    if report is not None:
        with StopSignal() as stop, Live(console=Console(), auto_refresh=False, screen=Console().is_terminal) as live:
            while report is not None:
                live.update(doors_screen(report, boot_ns()), refresh=True)
                if stop.wait(LOOK_SECONDS):
                    return
                report = fresh_report(data_dir)
    raise typer.Exit(_refused(f"no gateway runs on {data_dir}: start it with portillon-edge run"))


@app.command("open", epilog=EXAMPLE + "  portillon-edge door open lane1")
def open_once(door: DoorArgument, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Open once, for as long as a badge would."""
    _order(config, {"do": "open", "door": door})


@app.command(epilog=EXAMPLE + "  portillon-edge door free lane1 --minutes 30")
def free(door: DoorsArgument, minutes: MinutesOption = 60, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Let everybody pass."""
    _order(config, {"do": "free", "door": door_named(door), "minutes": minutes})


@app.command(epilog=EXAMPLE + "  portillon-edge door block sauna --minutes 120")
def block(door: DoorsArgument, minutes: MinutesOption = 60, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Let no card in; the exit buttons work all the same."""
    _order(config, {"do": "block", "door": door_named(door), "minutes": minutes})


@app.command(epilog=EXAMPLE + "  portillon-edge door lockdown all")
def lockdown(door: DoorsArgument, minutes: MinutesOption = 60, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Let nobody in but those who are exempt; no schedule frees a door meanwhile."""
    _order(config, {"do": "lockdown", "door": door_named(door), "minutes": minutes})


@app.command(epilog=EXAMPLE + "  portillon-edge door release all")
def release(door: DoorsArgument, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Withdraw what was ordered here: back to the cloud's orders and the plan."""
    _order(config, {"do": "release", "door": door_named(door)})


@app.command("reset-fire", epilog=EXAMPLE + "  portillon-edge door reset-fire   # once the house was looked after")
def reset_fire(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Lock the doors again after a fire alarm; refused while a loop still alarms."""
    _order(config, {"do": "reset_fire"})


@app.command(epilog=EXAMPLE + "  portillon-edge door acknowledge held --door pool --note 'the wedge is gone'")
def acknowledge(
    alarm: AlarmArgument = ALL,
    door: Annotated[str, typer.Option(help="Only what is the matter at this door.", metavar="DOOR")] = ALL,
    note: Annotated[str, typer.Option(help="What was found or done.", metavar="TEXT")] = "",
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Say that you have seen what is the matter and look after it: the cloud shows it as seen, by you."""
    _order(config, {"do": "acknowledge", "alarm": alarm, "door": door_named(door), "note": note})


def _order(config: Path, asked: dict[str, Any]) -> None:
    settings = _load(config)
    try:
        by = give_order(settings.gateway.data_dir, asked)
    except OrderRefused as error:
        raise typer.Exit(_refused(str(error))) from None
    of = "" if config == DEFAULT_CONFIG else f" -c {config}"
    typer.echo(f"Told to the gateway as {by}; portillon-edge door watch{of} shows what comes of it.")


def _load(config: Path) -> GatewayConfig:
    try:
        return load(config)
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(exit_codes.CONFIG) from None


def _refused(why: str) -> int:
    typer.echo(why, err=True)
    return exit_codes.NOT_SO
