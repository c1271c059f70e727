"""Which machine a `kind = …` in `[[doors]]` means."""

from collections.abc import Iterable

from portillon_config.doors import AnyDoor, SingleDoor, TurnstileLane

from portillon_edge.doors import single_door, turnstile_lane
from portillon_edge.doors.machine import DoorMachine, Line
from portillon_edge.doors.surroundings import Door

LINES = {"passage_input": Line.PASSAGE, "contact_input": Line.CONTACT, "rex_input": Line.REX}


def build_doors(sections: Iterable[AnyDoor]) -> list[Door]:
    """One door with a fresh machine for each section."""
    return [
        Door(
            name=section.name,
            zone=section.zone,
            output=section.output,
            machine=_machine(section),
            readers=section.readers,
            lines={name: LINES[key] for key, name in section.inputs.items()},
        )
        for section in sections
    ]


def _machine(section: AnyDoor) -> DoorMachine:
    match section:
        case TurnstileLane():
            return turnstile_lane.TurnstileLane(pulse_ms=section.pulse_ms, passage_window_ms=section.passage_window_ms)
        case SingleDoor():
            return single_door.SingleDoor(
                pulse_ms=section.pulse_ms,
                passage_window_ms=section.passage_window_ms,
                held_open_ms=section.held_open_ms,
                has_contact=section.contact_input is not None,
            )
