"""A simulated Wiegand reader as it is prodded from the terminal."""

from pathlib import Path
from typing import Any

import pytest
from portillon_drivers.readers.wiegand.options import WiegandOptions
from portillon_drivers.readers.wiegand.simulated_wiegand_reader import SimulatedWiegandReader, simulate
from portillon_drivers.simulated_reader import CannotPresentError
from portillon_rules.card_number import parse_presented


def simulated(folder: Path, **changed: Any) -> SimulatedWiegandReader:
    section = {"name": "lane1", "type": "wiegand", "chip": "/dev/gpiochip0", "d0": 23, "d1": 24}
    return simulate(WiegandOptions.model_validate(section | changed), folder)


def test_the_driver_finds_it(tmp_path: Path) -> None:
    """The section leads to the simulated chip; the lines stay as configured."""
    assert simulated(tmp_path).section == {"chip": str(tmp_path / "lane1")}


@pytest.mark.parametrize("formats", [["h10301"], ["uid34"], ["h10302"], ["c1000_48"]])
def test_its_samples_are_cards_that_it_reads(tmp_path: Path, formats: list[str]) -> None:
    """The member's and the stranger's card are two cards of the reader's first format."""
    reader = simulated(tmp_path, formats=formats)
    one, other = reader.samples
    assert one != other and {one.kind, other.kind} <= reader._options.tells
    reader.plug()
    reader.present(one)
    reader.close()


def test_what_it_cannot_send_is_told(tmp_path: Path) -> None:
    """A tag of another kind, a code, keys without a pad: each is refused with what would work."""
    reader = simulated(tmp_path)
    with pytest.raises(CannotPresentError, match="h10301:67-1000"):
        reader.present(parse_presented("em4100:0F0027A46B"))
    with pytest.raises(CannotPresentError, match="h10301:67-1000"):
        reader.present(parse_presented("nfca:04DE5F1EACC040"))
    with pytest.raises(CannotPresentError, match="no printed codes"):
        reader.scan("code")
    with pytest.raises(CannotPresentError, match="keypad"):
        reader.press("1#")
    with pytest.raises(CannotPresentError, match="0 to 9"):
        simulated(tmp_path, keypad="4bit").press("1A#")
