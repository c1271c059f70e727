"""The boot clock is the only clock by which guard, gateway, drivers and rules time anything."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUNNING = ("edge/portillon_edge", "drivers/portillon_drivers", "rules/portillon_rules")
AT_THE_DESK = ROOT / "edge" / "portillon_edge" / "technician"
"""Commands that a technician runs; no door hangs on what they think is the time."""
WALL_CLOCK = frozenset(
    {"time", "time_ns", "localtime", "gmtime", "now", "utcnow", "today", "CLOCK_REALTIME", "CLOCK_TAI"}
)
READERS = {
    "drivers/portillon_drivers/readers/osdp.py": ["time.time"],
    "edge/portillon_edge/trusted_clock.py": ["time.time_ns"],
}
"""Until which day a reader may run in clear text, and at a start after a power cut how long the power was off."""
MODULES = frozenset({"time", "datetime", "date"})


def readings(source: str) -> list[str]:
    """Where the machine's wall clock is named: `time.time`, `datetime.now`, or a name taken out of these modules."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id in MODULES and node.attr in WALL_CLOCK:
                found.append(f"{node.value.id}.{node.attr}")
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            found += [f"time.{alias.name}" for alias in node.names if alias.name in WALL_CLOCK]
    return found


@pytest.mark.parametrize("folder", RUNNING)
def test_nobody_looks_at_the_wall_clock(folder: str) -> None:
    """Setting the machine's clock can move nothing at a door, since nothing that times anything there ever reads it."""
    files = [path for path in (ROOT / folder).rglob("*.py") if AT_THE_DESK not in path.parents]
    assert len(files) > 10
    found = {str(path.relative_to(ROOT)): found for path in files if (found := readings(path.read_text()))}
    assert found == {path: names for path, names in READERS.items() if path.startswith(folder)}


@pytest.mark.parametrize(
    "line", ["import time\ntime.time()", "from time import time_ns", "from datetime import datetime\ndatetime.now()"]
)
def test_a_look_at_the_wall_clock_is_found(line: str) -> None:
    """Each usual way to read it is noticed."""
    assert readings(line)
