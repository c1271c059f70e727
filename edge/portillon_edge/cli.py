"""`portillon-edge`: the gateway's commands. What each does is in modules of its own; here is what they are called."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from portillon_config import ConfigError, GatewayConfig, load, load_site_keys
from portillon_rules.card_number import parse_presented
from portillon_rules.credential import CredentialError, SiteKey
from portillon_rules.decision import Granted

from portillon_edge import exit_codes
from portillon_edge.boot_clock import boot_ns
from portillon_edge.device_check import look_at_devices
from portillon_edge.explain import explain, outcomes
from portillon_edge.gateway import device_kinds, device_remarks
from portillon_edge.health.board import Device
from portillon_edge.instance_lock import holder
from portillon_edge.main import run as run_gateway
from portillon_edge.saved_state import case_of, fresh_report, saved_position
from portillon_edge.status_view import device_table, show, status_screen
from portillon_edge.store.chain import chain_keys
from portillon_edge.store.chain_look import look_at_chains
from portillon_edge.technician import capture, card, door, journal, osdp
from portillon_edge.technician.simulate import simulate
from portillon_edge.words import Language, Words

EXIT_STATUSES = (
    "Exit status: 0 all is well; 1 it is not (a device down, a refusal, no gateway running);"
    " 2 the command line is wrong;"
    " 70 something broke, starting again may help; 75 another one runs already; 78 the configuration is wrong."
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="The gateway of a gym: reads cards, decides who may pass, drives the doors, keeps the journal.",
    epilog=EXIT_STATUSES,
)

ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", help="The gateway's .toml file.", show_default=True, metavar="FILE")
]
DEFAULT_CONFIG = Path("/etc/portillon/gateway.toml")
EXAMPLE = "\b\nExamples:\n"


@app.command(
    epilog=EXAMPLE
    + "  portillon-edge run\n  portillon-edge run --config demo/gateway.toml   # Ctrl-C or SIGTERM ends it"
)
def run(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Run the gateway until SIGTERM. Every door is locked before the first card is read, and after the last one."""
    raise typer.Exit(run_gateway(config))


@app.command(epilog=EXAMPLE + "  portillon-edge check --config /etc/portillon/gateway.toml")
def check(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Say whether the configuration is right and every device answers, and what to do if not. Opens no door."""
    settings, keys = _load(config)
    typer.echo(f"{config}: the configuration is right.")
    report = fresh_report(settings.gateway.data_dir)
    if report is not None:
        typer.echo(f"The gateway runs (pid {report.pid}); this is what it reports:")
        devices = tuple(Device(d.name, d.kind, d.state, d.detail, d.remarks) for d in report.devices)
    else:
        devices = look_at_devices(settings, device_kinds(settings), device_remarks(settings))
    show(device_table(devices))
    wrong = _unreadable_files(settings)
    looks = look_at_chains(settings.gateway.data_dir, chain_keys(keys))
    wrong += [str(look) for look in looks if not look.well]
    for problem in wrong:
        typer.echo(problem)
    all_well = not wrong and all(device.state == "up" for device in devices)
    raise typer.Exit(exit_codes.OK if all_well else exit_codes.NOT_SO)


@app.command(
    "explain",
    epilog=EXAMPLE
    + "  portillon-edge explain em4100:0F0027A46B\n"
    + "  portillon-edge explain h10301:67-1000              # as printed on a card: facility-number\n"
    + "  portillon-edge explain em4100:0F0027A46B --door lane1 --language fr",
)
def explain_credential(
    credential: Annotated[
        str,
        typer.Argument(
            metavar="CREDENTIAL", help="kind:value, for example em4100:0F0027A46B; or format:facility-number"
        ),
    ],
    config: ConfigOption = DEFAULT_CONFIG,
    door: Annotated[str | None, typer.Option(help="One door only.", metavar="NAME")] = None,
    language: Annotated[str | None, typer.Option(help="en or fr; default: the gateway's.", metavar="LANGUAGE")] = None,
) -> None:
    """Say in words what would be decided now for a credential, and why. Exit status 0: granted wherever asked."""
    settings, keys = _load(config)
    words = Words(_language(language or settings.gateway.language))
    doors = [section.name for section in settings.doors]
    if door is not None and door not in doors:
        raise typer.BadParameter(f"there is no door {door!r}; there are: {', '.join(doors)}", param_hint="--door")
    try:
        presented = parse_presented(credential)
    except CredentialError as error:
        raise typer.BadParameter(str(error), param_hint="CREDENTIAL") from None
    case = case_of(presented, config=settings, keys=keys, door=door)
    for line in explain(case, words):
        typer.echo(line)
    granted = all(isinstance(outcome, Granted) for _, outcome in outcomes(case))
    raise typer.Exit(exit_codes.OK if granted else exit_codes.NOT_SO)


@app.command(epilog=EXAMPLE + "  portillon-edge status\n  watch -n1 portillon-edge status --config demo/gateway.toml")
def status(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Show how the running gateway is: cloud, lease, journal, devices, doors, last events."""
    settings, keys = _load(config)
    words = Words(settings.gateway.language)
    report = fresh_report(settings.gateway.data_dir)
    if report is not None:
        show(status_screen(report, words, boot_ns()))
        raise typer.Exit(exit_codes.OK)
    pid = holder(settings.gateway.data_dir)
    if pid is not None:
        typer.echo(f"A gateway (pid {pid}) runs here but shows no sign of life yet, or no more: look at its log.")
    else:
        typer.echo(
            f"No gateway runs on {settings.gateway.data_dir}. Start it: systemctl start portillon-gateway,"
            f" or portillon-edge run --config {config}"
        )
    position = saved_position(settings, keys)
    typer.echo(f"On its disk: epoch {position.epoch}, revision {position.revision} of the members' table.")
    raise typer.Exit(exit_codes.NOT_SO)


@app.command(
    epilog=EXAMPLE + "  portillon-edge guard --config /etc/portillon/gateway.toml   # as its systemd unit does"
)
def guard(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Run the guard, which owns the outputs. Only where systemd starts it: `run` starts one by itself."""
    # In place of this process: the guard is small and carries none of the gateway's imports.
    os.execv(sys.executable, [sys.executable, "-m", "portillon_edge.guard", "--config", str(config)])  # noqa: S606


app.command(
    epilog=EXAMPLE
    + "  portillon-edge simulate /etc/portillon/gateway.toml\n"
    + "  printf 'present lane1-reader\\npush lane1\\n' | portillon-edge simulate gateway.toml"
)(simulate)
app.add_typer(osdp.app, name="osdp")
app.add_typer(card.app, name="card")
app.add_typer(door.app, name="door")
app.add_typer(journal.app, name="journal")


app.command(epilog=capture.EPILOG)(capture.capture)


def _load(path: Path) -> tuple[GatewayConfig, tuple[SiteKey, ...]]:
    with _said(ConfigError, exit_codes.CONFIG):
        settings = load(path)
        return settings, load_site_keys(settings)


@contextmanager
def _said(error_class: type[Exception], status: int) -> Iterator[None]:
    try:
        yield
    except error_class as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(status) from None


def _language(asked: str) -> Language:
    match asked:
        case "en" | "fr":
            return asked
        case _:
            raise typer.BadParameter(f"{asked!r} is not spoken here; write en or fr", param_hint="--language")


def _unreadable_files(settings: GatewayConfig) -> list[str]:
    """Files of `[cloud]` that are not there: the doors work without them, the cloud does not."""
    cloud = settings.cloud
    named = {
        "ca_file": cloud.ca_file,
        "certificate_file": cloud.certificate_file,
        "private_key_file": cloud.private_key_file,
    }
    return [
        f"cloud.{key}: {path} cannot be read; enrol the gateway again, or correct the path"
        for key, path in named.items()
        if path is not None and not path.is_file()
    ]


if __name__ == "__main__":
    app()
