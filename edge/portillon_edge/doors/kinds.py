"""Which machine a `kind = …` in `[[doors]]` means."""

from collections.abc import Iterable

from portillon_config.doors import AnyDoor, Barrier, SingleDoor, TurnstileLane
from portillon_drivers.options import OutputOptions

from portillon_edge.domain.events import Way
from portillon_edge.doors import barrier, single_door, turnstile_lane
from portillon_edge.doors.machine import DoorMachine, Line, Part
from portillon_edge.doors.surroundings import Door
from portillon_edge.doors.turns import SecondBadge

LINES = {
    "passage_input": Line.PASSAGE,
    "passage_out_input": Line.PASSAGE_OUT,
    "contact_input": Line.CONTACT,
    "rex_input": Line.REX,
    "busy_input": Line.LANE_BUSY,
    "lane_busy_input": Line.LANE_BUSY,
    "fault_input": Line.LANE_FAULT,
    "lane_fault_input": Line.LANE_FAULT,
    "loop_input": Line.LOOP,
}
PARTS = {
    "output": Part.ENTRY,
    "exit_output": Part.EXIT,
    "close_output": Part.CLOSE,
    "ready_output": Part.READY,
}
LETS_THROUGH = (Part.ENTRY, Part.EXIT)


def build_doors(sections: Iterable[AnyDoor], outputs: Iterable[OutputOptions] | None = None) -> list[Door]:
    """One door with a fresh machine for each section; without `outputs`, every door may stand free."""
    continuous = None if outputs is None else {output.name for output in outputs if output.continuous}
    doors = []
    for section in sections:
        parts = {PARTS[key]: name for key, name in section.outputs.items()}
        lets = [parts[part] for part in LETS_THROUGH if part in parts]
        exits = {reader: Way.EXIT for reader in section.exit_readers}
        entries = {reader: Way.ENTRY for reader in section.readers} if exits else {}
        doors.append(
            Door(
                name=section.name,
                zone=section.zone,
                outputs=parts,
                machine=_machine(section),
                readers=(*section.readers, *section.exit_readers),
                lines={name: LINES[key] for key, name in section.inputs.items()},
                way_of={**entries, **exits},
                may_stand_free=continuous is None or continuous.issuperset(lets),
            )
        )
    return doors


def _machine(section: AnyDoor) -> DoorMachine:
    match section:
        case TurnstileLane():
            return turnstile_lane.TurnstileLane(
                pulse_ms=section.pulse_ms,
                passage_window_ms=section.passage_window_ms,
                drive=turnstile_lane.Drive(section.drive),
                second_badge=SecondBadge(section.second_badge),
                long_access_factor=section.long_access_factor,
                has_exit_output=section.exit_output is not None,
                tells_ways=section.passage_out_input is not None,
                free_exit=section.free_exit,
                has_ready_lamp=section.ready_output is not None,
            )
        case Barrier():
            return barrier.Barrier(
                pulse_ms=section.pulse_ms,
                passage_window_ms=section.passage_window_ms,
                close_pulse_ms=section.close_pulse_ms if section.close_output else None,
                clear_ms=section.clear_ms,
                closing_ms=section.closing_ms,
                obstacle_ms=section.obstacle_ms,
                long_access_factor=section.long_access_factor,
                has_loop=section.loop_input is not None,
            )
        case SingleDoor():
            return single_door.SingleDoor(
                pulse_ms=section.pulse_ms,
                passage_window_ms=section.passage_window_ms,
                held_open_ms=section.held_open_ms,
                held_open_warn_ms=section.held_open_warn_ms or 0,
                relock_on_open=section.relock_on_open,
                contact_bounce_ms=section.contact_bounce_ms,
                long_access_factor=section.long_access_factor,
                has_contact=section.contact_input is not None,
            )
