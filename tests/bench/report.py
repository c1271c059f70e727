"""One table for everything that was measured: the work, its floor in the same run, the ratio, the aim."""

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table, in words ready to print; `ratio` None where there is no floor."""

    work: str
    measured: str
    floor: str
    ratio: float | None
    aim: str
    met: bool


def micro(seconds: float) -> str:
    """Seconds as microseconds or milliseconds."""
    return f"{seconds * 1e6:.0f} µs" if seconds < 1e-3 else f"{seconds * 1e3:.2f} ms"


def show(console: Console, rows: list[Row]) -> None:
    """Print the table."""
    table = Table("work", "measured", "floor, same run", "ratio", "aim", "", title="Benchmarks")
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}×"
        table.add_row(row.work, row.measured, row.floor, ratio, row.aim, "met" if row.met else "[bold]not met[/bold]")
    console.print(table)
