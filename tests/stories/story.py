"""The whole story, unattended; ends with a table, and with an error at the first thing that is not so.

make story                          broker in-process
make story BROKER=mosquitto         a real Mosquitto with certificates and ACL (make system installs it)
"""

import argparse
import os
import sys
import time
from functools import partial

from rich.console import Console
from rich.table import Table
from stories import chapters
from stories.bank_chapter import banks
from stories.chapters import Lines, Size
from stories.gym import Gym
from stories.network import choose
from stories.process import StoryError


def play(broker: str, size: Size, console: Console, *, keep: bool = False) -> Lines:
    """Play every chapter; returns the table's lines. Raises StoryError."""
    began = time.monotonic()

    def say(text: str) -> None:
        console.print(f"[green]✓[/green] [dim]{time.monotonic() - began:5.1f} s[/dim]  {text}", highlight=False)

    gym = Gym(choose(broker))
    lines: Lines = []
    try:
        chapters.law(gym, say)
        gym.open(clock_starts="2026-09-20T10:00:00", contract_start="2026-03-01", billed_from="2026-10-01")
        for chapter in (
            chapters.first_badges,
            chapters.billing_day,
            chapters.dunning,
            chapters.payment,
            banks,
            partial(chapters.outage, size=size),
            partial(chapters.kills, size=size),
        ):
            lines += chapter(gym, say)
    except BaseException:
        console.print(gym.logs(), markup=False, highlight=False)
        raise
    finally:
        gym.close()
    return lines


def main() -> int:
    """Play it and print the table; returns 1 at the first thing that is not so."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--broker", default=os.environ.get("BROKER") or "loopback", help="loopback, mosquitto or a URL")
    parser.add_argument("--quick", action="store_true", help="60 badges in the outage and 3 kills")
    asked = parser.parse_args()
    console = Console()
    size = Size(outage_badges=60, kill_rounds=1) if asked.quick else Size()
    try:
        lines = play(asked.broker, size, console)
    except StoryError as error:
        console.print(f"[bold red]✗[/bold red] {error}", highlight=False)
        return 1
    table = Table(title="The story in numbers", show_header=False)
    for line in lines:
        table.add_row(*line)
    console.print(table)
    console.print(
        "Where to look: docs/one-badge.md follows a badge through the code; make demo lets you play yourself."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
