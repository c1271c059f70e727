"""Every machine in every state with every signal: what it does is stated, on purpose, in `transitions/`."""

from typing import get_args

import pytest
from edge.doors.every_machine import EVERY_KIND, Kind
from edge.doors.transition_table import OTHER_LINES, enacted, signals, stated
from portillon_config.doors import AnyDoor
from portillon_edge.doors.machine import Bearing, BearingChanged, Line, LineChanged, Signal
from portillon_edge.doors.single_door import SingleDoor

kinds = pytest.mark.parametrize("kind", EVERY_KIND, ids=lambda kind: kind.kind)


def test_every_configurable_kind_has_its_table() -> None:
    """A kind of door that a configuration can name is walked here, or the build stops."""
    sections = get_args(get_args(AnyDoor)[0])
    named = {get_args(section.model_fields["kind"].annotation)[0] for section in sections}
    assert named == {kind.kind for kind in EVERY_KIND}


@kinds
def test_the_signals_are_all_there_are(kind: Kind) -> None:
    """Every type of signal, every line at both levels, every bearing."""
    given = [signal for row in signals(kind).values() for signal in row]
    assert {type(signal) for signal in given} == set(get_args(Signal))
    levels = {(signal.line, signal.active) for signal in given if isinstance(signal, LineChanged)}
    assert levels == {(line, active) for line in Line for active in (True, False)}
    assert {signal.bearing for signal in given if isinstance(signal, BearingChanged)} == set(Bearing)


@kinds
def test_the_table_is_complete(kind: Kind) -> None:
    """Each state that can be reached here has a cell for each signal: none is missing, none left over."""
    table = stated(kind)
    assert list(table) == list(kind.states)
    for state, row in table.items():
        assert list(row) == list(signals(kind)), f"{kind.kind}: {state}"


@kinds
def test_the_machine_does_what_its_table_says(kind: Kind) -> None:
    """Cell by cell, in words: what it does, in which order, and how it then calls itself."""
    differences = [
        f"{kind.kind}: {state} × {signal}: the table says {said!r}, the machine does {did!r}"
        for state, row in stated(kind).items()
        for signal, said in row.items()
        if (did := enacted(kind, state, signal)) != said
    ]
    assert not differences, "\n".join(differences)


@kinds
def test_a_line_that_a_door_does_not_have_does_nothing(kind: Kind) -> None:
    """Whatever a wrong wiring brings in: no lock moves and nothing is told."""
    for state, row in stated(kind).items():
        assert row[OTHER_LINES].startswith(("nothing", "hold →")), state


@kinds
def test_an_exit_request_releases_in_every_state(kind: Kind) -> None:
    """Where the button is not pressed already, pressing it releases first of all."""
    for state, row in stated(kind).items():
        if "leaving" in state or "stuck" in state:
            continue
        first = row["rex on"].replace("lock close , ", "").replace("lock close, ", "")
        assert first.startswith("release"), f"{kind.kind}: {state}"
        assert "exit_request" in first


@kinds
def test_fire_holds_in_every_state(kind: Kind) -> None:
    """Held at once, or held already."""
    for state, row in stated(kind).items():
        already = state.startswith(("free", "fire"))
        did, _, _ = row["bearing fire"].partition(" → ")
        assert already or "hold" in did.split(", "), f"{kind.kind}: {state}"


def test_a_changed_machine_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ablation: a door that forgets to lock again differs from its table."""
    monkeypatch.setattr(SingleDoor, "_relock", lambda door, now: [])
    (door,) = (kind for kind in EVERY_KIND if kind.kind == "door")
    assert any(enacted(door, s, signal) != said for s, row in stated(door).items() for signal, said in row.items())
