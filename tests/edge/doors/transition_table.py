"""What each machine does in each state with each signal, in words: the tables in `transitions/`, one for each kind.

    [granted]
    "another card" = "denied m-ben lane_busy → granted"       # what it does, in this order → its own word for the state

Every cell is stated on purpose. After a change of a machine write the tables anew and read the difference:

    python tests/edge/doors/transition_table.py
"""

import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from edge.doors.every_machine import CARD, EVERY_KIND, OTHER_CARD, Kind, bears, off, on
from portillon_edge.doors.machine import (
    NS_PER_MS,
    Action,
    Bearing,
    DoorMachine,
    Hold,
    ItsTurn,
    Line,
    LineLost,
    Lock,
    OpenOnce,
    OutputFailed,
    Part,
    Record,
    Release,
    Signal,
    Tick,
)

FOLDER = Path(__file__).parent / "transitions"
LATER_MS = 1
"""A signal comes this long after the state was reached; time passes up to the machine's next deadline."""
TIME = "time passes"
OTHER_LINES = "lines it does not have"


def signals(kind: Kind) -> dict[str, tuple[Signal, ...]]:
    """Everything that may happen there; lines that it does not have are one row together."""
    levels = {
        f"{line.value} {word}": (signal,)
        for line in kind.lines
        for word, signal in (("on", on(line)), ("off", off(line)), ("lost", LineLost(line)))
    }
    others = [line for line in Line if line not in kind.lines]
    return {
        "card": (CARD,),
        "another card": (OTHER_CARD,),
        **levels,
        OTHER_LINES: tuple(signal for line in others for signal in (on(line), off(line), LineLost(line))),
        **{f"output fails ({part.value})": (OutputFailed(part),) for part in kind.parts},
        **{f"bearing {bearing.value}": (bears(bearing),) for bearing in Bearing},
        "open once": (OpenOnce("s-3"),),
        TIME: (Tick(),),
    }


def enacted(kind: Kind, state: str, signal: str) -> str:
    """What the machine really does there, as the table says it."""
    machine = kind.make()
    at_ms, deadline_ns = 0, None
    for at_ms, earlier in (*kind.known(), *kind.states[state]):
        deadline_ns = machine.handle(earlier, at_ms * NS_PER_MS).deadline_ns
    if signal == TIME:
        if deadline_ns is None:
            return "never"
        return _cell(list(machine.handle(Tick(), deadline_ns).actions), machine)
    actions: list[Action] = []
    for one in signals(kind)[signal]:
        actions += machine.handle(one, (at_ms + LATER_MS) * NS_PER_MS).actions
    return _cell(actions, machine)


def stated(kind: Kind) -> dict[str, dict[str, str]]:
    """The table as it was written down: what it does, by state and signal."""
    return tomllib.loads((FOLDER / f"{kind.kind}.toml").read_text(encoding="utf-8"))


def _cell(actions: list[Action], machine: DoorMachine) -> str:
    did = ", ".join(_words(action) for action in actions) or "nothing"
    troubles = "".join(f" + {trouble.value}" for trouble in machine.troubles if trouble.value != machine.state)
    return f"{did} → {machine.state}{troubles}"


def _words(action: Action) -> str:
    match action:
        case Release(on_ms, part):
            return f"release {_named(part)}{on_ms}"
        case Hold(part):
            return f"hold {_named(part)}".strip()
        case Lock(part):
            return f"lock {_named(part)}".strip()
        case ItsTurn(grant):
            return f"turn of {grant.member}"
        case Record(kind, grant, reason):
            words = (kind.value, grant.member if grant else None, reason, "queued" if action.queued else None)
            return " ".join(str(word) for word in words if word)


def _named(part: Part) -> str:
    return "" if part is Part.ENTRY else f"{part.value} "


def _written(kind: Kind, states: Mapping[str, object]) -> Iterator[str]:
    yield "# Stated on purpose: what it does, by state and signal. Read transition_table.py before changing it."
    for state in states:
        yield f'\n["{state}"]'
        for signal in signals(kind):
            yield f'"{signal}" = "{enacted(kind, state, signal)}"'


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for each in EVERY_KIND:
        text = "\n".join(_written(each, each.states)) + "\n"
        (FOLDER / f"{each.kind}.toml").write_text(text, encoding="utf-8")
