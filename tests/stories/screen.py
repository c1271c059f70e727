"""The demo's live view in the terminal, with its command line below: keys are read one by one, so the view goes on."""

import contextlib
import os
import select
import sys
import termios
import tty
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

REFRESH_S = 0.5


@dataclass(frozen=True, slots=True)
class View:
    """What there is to see: everything as short text, ready to lay out."""

    title: str
    lanes: Sequence[tuple[str, str, str]] = ()
    badges: Sequence[tuple[str, str, str, str]] = ()
    facts: Sequence[tuple[str, str]] = ()
    unpaid: Sequence[tuple[str, str, str]] = ()
    hint: str = ""
    said: Sequence[str] = field(default=())


def render(view: View, typed: str) -> Group:
    """The whole screen."""
    lanes = _table("Lanes", ["lane", "relay", "last"], view.lanes)
    badges = _table("Last badges", ["when", "who", "lane", "outcome"], view.badges)
    unpaid = _table("Unpaid", ["who", "owes", "step"], view.unpaid)
    facts = Table.grid(padding=(0, 2))
    for name, value in view.facts:
        facts.add_row(Text(name, style="dim"), value)
    top = Table.grid(expand=True)
    top.add_column(ratio=1)
    top.add_column(ratio=1)
    top.add_row(lanes, Panel(facts, title="Gateway and cloud", title_align="left", border_style="dim"))
    top.add_row(badges, unpaid)
    said = Text("\n".join(view.said[-6:]))
    prompt = Text.assemble(("> ", "bold green"), typed, ("▏", "blink"))
    return Group(Text(view.title, style="bold"), top, said, Text(view.hint, style="dim"), prompt)


def converse(console: Console, look: Callable[[], View], obey: Callable[[str], bool]) -> None:
    """Show the view and obey typed lines until `obey` says False; without a terminal, obey standard input."""
    if not (sys.stdin.isatty() and console.is_terminal):
        for line in sys.stdin:
            if not obey(line.strip()):
                return
        return
    typed = ""
    with _single_keys(), Live(console=console, auto_refresh=False, screen=True) as live:
        while True:
            live.update(render(look(), typed), refresh=True)
            for key in _keys():
                if key in "\r\n":
                    line, typed = typed, ""
                    if not obey(line.strip()):
                        return
                elif key in "\x7f\b":
                    typed = typed[:-1]
                elif key in "\x03\x04":
                    return
                elif key.isprintable():
                    typed += key


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Panel:
    table = Table(box=None, expand=True, padding=(0, 1), header_style="dim")
    for column in columns:
        table.add_column(column, overflow="ellipsis", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return Panel(table, title=title, title_align="left", border_style="dim")


def _keys() -> str:
    if not select.select([sys.stdin], [], [], REFRESH_S)[0]:
        return ""
    return os.read(sys.stdin.fileno(), 1024).decode(errors="ignore")


@contextlib.contextmanager
def _single_keys() -> Iterator[None]:
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    try:
        tty.setcbreak(fd)
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
