"""How `check` and `status` look in a terminal."""

from collections.abc import Iterable
from datetime import UTC, datetime

from portillon_wire.messages import DoorHealth
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from portillon_edge.device_check import advice
from portillon_edge.health.board import Device
from portillon_edge.health.remarks import in_words
from portillon_edge.health.report import HealthReport
from portillon_edge.words import Words

STYLES = {"up": "green", "down": "red", "fault": "red"}
STANDINGS = {"free": "green", "blocked": "yellow", "lockdown": "bold yellow", "fire": "bold red"}
SECONDS = 1_000_000_000


def device_table(devices: Iterable[Device]) -> Table:
    """Each device, how it is, what to do about it, and what is to be known of it all the same."""
    table = Table("device", "kind", "state", "what is wrong, what to do, what to know", box=None, pad_edge=False)
    for device in devices:
        told = (device.detail.rstrip("."), advice(device).rstrip("."), in_words(device.remarks))
        known = ". ".join(text for text in told if text)
        table.add_row(device.name, device.kind, Text(device.state, STYLES[device.state]), Text(known))
    return table


def status_screen(report: HealthReport, words: Words, now_ns: int) -> RenderableType:
    """The whole of a running gateway on one screen."""
    return Group(
        _summary(report, words, now_ns),
        Text(),
        device_table(Device(d.name, d.kind, d.state, d.detail, d.remarks) for d in report.devices),
        Text(),
        _doors(report),
        Text(),
        _last_events(report, now_ns),
    )


def _summary(report: HealthReport, words: Words, now_ns: int) -> Table:
    table = Table.grid(padding=(0, 2))
    left_ms = report.lease_remaining_ms(now_ns)
    journal = f"{report.journal_pending} events not yet acknowledged"
    if not report.journal_writable:
        journal += "; CANNOT BE WRITTEN: free the disk"
    if report.events_lost:
        journal += f"; {report.events_lost} lost"
    lease = "none yet" if left_ms is None else words.duration(left_ms) + (" left" if left_ms > 0 else " over")
    table.add_row("gateway", f"{report.gateway} ({report.mode}), pid {report.pid}, version {report.software}")
    table.add_row("running for", words.duration((now_ns - report.started_ns) // 1_000_000))
    cloud = "connected" if report.online else "not connected: decisions go on with what is here"
    table.add_row("cloud", cloud + (f". {report.cloud_error}" if report.cloud_error else ""))
    table.add_row("table", f"epoch {report.epoch}, revision {report.revision}" if report.root else "never received")
    table.add_row("lease", f"{lease}, time {report.time_quality}")
    table.add_row("journal", journal)
    if report.occupancy:
        table.add_row("inside", ", ".join(f"{zone} {count}" for zone, count in report.occupancy.items()))
    if report.presence_until_ns is not None:
        heard = now_ns <= report.presence_until_ns
        table.add_row("others", "heard" if heard else "not heard: presence is worth what each zone says for that")
    return table


def doors_screen(report: HealthReport, now_ns: int) -> RenderableType:
    """Every door as it stands, and what happened last."""
    return Group(_doors(report), Text(), _last_events(report, now_ns))


def door_line(door: DoorHealth) -> Text:
    """One door in one line: `lane1   fire   open   granted   door_forced`."""
    return Text("  ").join(_cells(door))


def _doors(report: HealthReport) -> Table:
    table = Table("door", "kind", "stands", "leaf", "now", "trouble", box=None, pad_edge=False)
    for door in report.doors:
        name, *rest = _cells(door)
        table.add_row(name, door.kind, *rest)
    return table


def _cells(door: DoorHealth) -> list[Text]:
    leaf = {True: "open", False: "shut", None: "-"}[door.open]
    return [
        Text(door.name, "bold"),
        Text(door.standing, STANDINGS.get(door.standing, "")),
        Text(leaf, "yellow" if door.open else ""),
        Text(door.state, "green" if door.state == "granted" else ""),
        Text(", ".join(door.troubles), "bold red"),
    ]


def _last_events(report: HealthReport, now_ns: int) -> Table:
    table = Table("ago", "business time (UTC)", "event", "door", "member", "why", box=None, pad_edge=False)
    for event in reversed(report.last_events):
        at = event.business_ms
        table.add_row(
            f"{(now_ns - event.boot_ns) // SECONDS} s",
            "" if at is None else f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M:%S}",
            event.kind,
            event.door or "",
            event.member or "",
            Text(event.why),
        )
    return table


def show(what: RenderableType) -> None:
    """Print to the terminal."""
    Console().print(what)
