"""Every performance claim, measured beside its floor in one run on one machine.

make bench                 10 thousand and 1 million members at the edge, 100 thousand in the cloud, a year of 1,000
make bench BUDGET=20       a quick look: 10 thousand members only, few repetitions
make bench BUDGET=3600     invoices of 1 million members as well

Rows that need Mosquitto, PostgreSQL or libosdp are left out, and said to be, where these are not there (`make system`,
`make peers`).
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from bench import (
    charge_run,
    dunning_day,
    edge,
    indicators,
    intake,
    invoices,
    lane,
    many_doors,
    many_sites,
    osdp,
    osdp_outputs,
    outputs,
    payment_to_lane,
    readers,
    repair,
    revocation,
    start,
    webhook_storm,
    year,
)
from bench.cloud_gym import postgres_engine, postgres_programs, sqlite_engine
from bench.report import Row, show
from broker import mosquitto
from rich.console import Console

FULL_BUDGET_S = 60
LONG_BUDGET_S = 3_600


@dataclass(frozen=True, slots=True)
class Size:
    """How much of each subject is measured."""

    edge_members: tuple[int, ...]
    cloud_members: tuple[int, ...]
    webhooks: int
    charges: int
    overdue: int
    year_members: int
    chain_members: int
    start_members: int
    badges: int
    batches: int
    revocations: int
    osdp_events: int
    reader_badges: int
    output_deaths: int
    many_doors_badges: int


FULL = Size(
    edge_members=(10_000, 1_000_000),
    cloud_members=(10_000, 100_000),
    webhooks=50_000,
    charges=1_000,
    overdue=20_000,
    year_members=1_000,
    chain_members=100_000,
    start_members=100_000,
    badges=300,
    batches=200,
    revocations=50,
    osdp_events=100,
    reader_badges=60,
    output_deaths=3,
    many_doors_badges=600,
)
QUICK = Size(
    edge_members=(10_000,),
    cloud_members=(10_000,),
    webhooks=1_000,
    charges=50,
    overdue=200,
    year_members=20,
    chain_members=2_000,
    start_members=10_000,
    badges=25,
    batches=30,
    revocations=10,
    osdp_events=25,
    reader_badges=15,
    output_deaths=1,
    many_doors_badges=60,
)

LONG = replace(FULL, cloud_members=(10_000, 100_000, 1_000_000))

Subject = Callable[[Path], Iterator[Row]]


def subjects(size: Size, missing: Callable[[str], None]) -> Iterator[Subject]:
    """Every subject in the order of the table; each gets a folder of its own."""
    for members in size.edge_members:
        yield lambda folder, members=members: edge.benchmarks(folder, members, count=20_000)  # type: ignore[misc]
    yield lambda folder: start.benchmarks(folder, size.start_members)
    yield lambda folder: repair.benchmarks(folder, size.start_members)
    yield lambda folder: lane.benchmarks(folder, size.badges)
    yield lambda folder: many_doors.benchmarks(folder, size.many_doors_badges)
    yield lambda folder: readers.benchmarks(folder, size.reader_badges)
    yield lambda folder: outputs.benchmarks(folder, size.reader_badges, size.output_deaths)
    yield lambda folder: indicators.benchmarks(folder, size.reader_badges)
    if osdp.is_missing():
        missing("libosdp (make peers)")
    else:
        yield lambda folder: osdp_outputs.benchmarks(folder, size.reader_badges)
        yield lambda folder: osdp.benchmarks(folder, size.osdp_events, idle_s=5)
    if mosquitto.program() is None:
        missing("Mosquitto")
    else:
        yield lambda folder: revocation.benchmarks(folder, size.revocations)
        yield lambda folder: payment_to_lane.benchmarks(folder, size.revocations)
    yield lambda folder: _cloud(folder, size, None)
    programs = postgres_programs()
    if programs is None:
        missing("PostgreSQL")
    else:
        yield lambda folder: _cloud(folder, size, programs)


def _cloud(folder: Path, size: Size, postgres: Path | None) -> Iterator[Row]:
    """What depends on the database, on one engine."""
    with ExitStack() as stack:
        engine = stack.enter_context(sqlite_engine(folder) if postgres is None else postgres_engine(postgres))
        yield from intake.benchmarks(engine, size.batches)
        yield from invoices.benchmarks(engine, size.cloud_members)
        yield from webhook_storm.benchmarks(engine, size.webhooks)
        yield from charge_run.benchmarks(engine, folder, size.charges)
        yield from dunning_day.benchmarks(engine, folder, size.overdue)
        yield from year.benchmarks(engine, folder, size.year_members)
        yield from many_sites.benchmarks(engine, size.chain_members)


def main() -> None:
    """Run them all and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", type=float, default=FULL_BUDGET_S, help="seconds; below 60 only a quick look")
    budget_s = parser.parse_args().budget
    console = Console(width=150)
    found: list[Row] = []
    size = LONG if budget_s >= LONG_BUDGET_S else FULL if budget_s >= FULL_BUDGET_S else QUICK
    for subject in subjects(size, lambda what: console.print(f"[bold]No {what} here: its rows are left out.[/bold]")):
        with tempfile.TemporaryDirectory(prefix="portillon-bench-") as folder:
            for row in subject(Path(folder)):
                console.print(f"[dim]{row.work}: {row.measured}[/dim]", highlight=False)
                found.append(row)
    show(console, found)


if __name__ == "__main__":
    main()
