"""The Reader port: what every reader must do, run over every implementation on its own simulated hardware."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from contracts.rigs import osdp, pn532, scanners, serial_125khz, wiegand
from contracts.rigs.rig import MakeRig, ReaderRig
from portillon_drivers.events import CredentialRead, KeyPressed, ReaderDown, ReaderFault, ReaderUp, TextScanned
from portillon_drivers.ports import Reader
from portillon_drivers.registry import READERS, build_readers, options_model

RIGS: Mapping[str, MakeRig] = {
    "rdm6300": serial_125khz.rdm6300,
    "id12la": serial_125khz.id12la,
    "wiegand": wiegand.WiegandRig,
    "serial_scanner": scanners.serial,
    "wedge_scanner": scanners.wedge,
    "pn532": pn532.Pn532Rig,
    "osdp": osdp.OsdpRig,
}


@dataclass
class Stage:
    reader: Reader
    rig: ReaderRig
    heard: Any
    end: Callable[[], None]

    def wait_card(self, which: int, after: int = 0) -> Any:
        return self.heard.wait_for(lambda e: self.rig.is_card(e, which), after)

    def wait_up(self, after: int = 0) -> None:
        self.heard.wait_for(lambda e: isinstance(e, ReaderUp), after)

    def presented(self) -> list[Any]:
        return [e for e in self.heard.events if isinstance(e, CredentialRead | TextScanned | KeyPressed)]


@pytest.fixture(params=sorted(READERS))
def stage(request: pytest.FixtureRequest, tmp_path: Path, heard: Any, run_driver: Any) -> Iterator[Stage]:
    rig = RIGS[request.param](tmp_path)
    options: Any = options_model(READERS, request.param).model_validate(
        {"name": "lane1-reader", "type": request.param, **rig.section()}
    )
    rig.plug()
    [reader] = build_readers([options], time.monotonic_ns)
    end = run_driver(reader.run, heard)
    yield Stage(reader, rig, heard, end)
    end()
    rig.close()


def test_suite_covers_every_reader() -> None:
    """A reader without its rig here would be a reader without this suite."""
    assert RIGS.keys() == READERS.keys()


def test_card_is_told_with_name_and_time(stage: Stage) -> None:
    """A presented card is told once under the reader's name, dated between presenting and hearing."""
    stage.wait_up()
    before_ns = time.monotonic_ns()
    stage.rig.present(0)
    stage.wait_card(0)
    [read] = stage.presented()
    assert read.reader == stage.reader.name == "lane1-reader"
    assert before_ns <= read.at_ns <= time.monotonic_ns()


def test_repeats_are_held_off(stage: Stage) -> None:
    """A card presented again at once is not told again; the next card is."""
    stage.wait_up()
    stage.rig.present(0)
    stage.wait_card(0)
    stage.rig.present(0)
    stage.rig.present(1)
    stage.wait_card(1)
    first, second = stage.presented()
    assert stage.rig.is_card(first, 0) and stage.rig.is_card(second, 1)


def test_dirt_is_a_fault_and_hides_nothing(stage: Stage) -> None:
    """What is no card is told as a fault and never guessed from, and the card after it is read."""
    stage.wait_up()
    expected = stage.rig.dirt()
    stage.rig.present(0)
    stage.wait_card(0)
    for kind in expected:
        stage.heard.wait_for(lambda e, kind=kind: isinstance(e, ReaderFault) and e.fault is kind)
    assert {event.fault for event in stage.heard.events if isinstance(event, ReaderFault)} == expected
    assert len(stage.presented()) == 1


def test_a_card_may_trickle_in(stage: Stage) -> None:
    """A card that comes as slowly as the wire can bring it is read."""
    stage.wait_up()
    stage.rig.trickle(0)
    stage.wait_card(0)


def test_unplugged_and_replugged(stage: Stage) -> None:
    """Unplugging is told, replugging too, and cards are read again."""
    stage.wait_up()
    stage.rig.unplug()
    down: Any = stage.heard.wait_for(lambda e: isinstance(e, ReaderDown))
    assert stage.rig.place in down.detail
    seen = len(stage.heard.events)
    stage.rig.plug()
    stage.wait_up(after=seen)
    stage.rig.present(0)
    stage.wait_card(0, after=seen)


def test_absent_at_the_start(tmp_path: Path, stage: Stage) -> None:
    """A reader that is not there is told as down once per cause, not once per try."""
    stage.wait_up()
    stage.rig.unplug()
    stage.heard.wait_for(lambda e: isinstance(e, ReaderDown))
    stage.rig.plug()
    stage.wait_up(after=2)
    downs = [event.detail for event in stage.heard.events if isinstance(event, ReaderDown)]
    assert len(downs) == len(set(downs)) <= 2


def test_stop_frees_the_line(stage: Stage, heard: Any, run_driver: Any) -> None:
    """A stopped reader lets go of its line: it can be run again."""
    stage.wait_up()
    stage.end()
    seen = len(heard.events)
    end = run_driver(stage.reader.run, heard)
    stage.wait_up(after=seen)
    end()
