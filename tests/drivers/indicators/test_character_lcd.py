"""The character display: its bytes, and that it finds back from any confusion."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_drivers.errors import PermanentDeviceError, TransientDeviceError
from portillon_drivers.indicators.character_lcd import CharacterLcd, CharacterLcdOptions
from portillon_drivers.indicators.hd44780 import RESYNC, instruction, nibble, screen
from portillon_drivers.indicators.hd44780_simulator import CharacterLcdSimulator
from portillon_drivers.indicators.pattern import Colour, Page, Pattern, Rhythm


def resync(display: CharacterLcdSimulator) -> None:
    for data, _ in RESYNC:
        display.receive(data)


def test_bytes_on_the_bus() -> None:
    """E rises only over a settled nibble and drops before the next: three bytes each, the backlight always on."""
    assert nibble(0x3) == bytes([0x38, 0x3C, 0x38])
    assert instruction(0x80) == bytes([0x88, 0x8C, 0x88, 0x08, 0x0C, 0x08])
    assert len(screen(["", ""])) == 2 * (16 + 1) * 6


def test_a_text_is_shown_on_both_lines() -> None:
    """Each line is written full, so that nothing of a longer text is left."""
    display = CharacterLcdSimulator()
    resync(display)
    display.receive(screen(["Membership over", "See front desk"]))
    display.receive(screen(["Ready:"]))
    assert display.lines == ("Ready:", "") and display.lit


@given(st.binary(max_size=40))
def test_it_finds_back_from_any_noise(noise: bytes) -> None:
    """Whatever a solenoid put on the wires: after the start by instruction the text is right."""
    display = CharacterLcdSimulator()
    resync(display)
    display.receive(noise + bytes([0x08]))
    resync(display)
    display.receive(screen(["Prenez votre", "nouvelle carte"]))
    assert display.lines == ("Prenez votre", "nouvelle carte")


def test_without_the_start_half_a_byte_astray_stays_astray() -> None:
    """The simulator confuses as the real display does: the test above can fail."""
    display = CharacterLcdSimulator()
    resync(display)
    display.receive(nibble(0x4, rs=True))
    display.receive(screen(["Ready:"]))
    assert display.lines[0] != "Ready:"


def options(path: Path, **keys: object) -> CharacterLcdOptions:
    return CharacterLcdOptions.model_validate({"name": "lcd", "type": "lcd", "door": "lane1", "i2c": path, **keys})


def test_what_is_no_bus_is_said(tmp_path: Path) -> None:
    """A wrong path will never work; a missing one may be switched on."""
    (tmp_path / "file").touch()
    with pytest.raises(PermanentDeviceError, match="is no I²C bus; correct i2c"):
        CharacterLcd(options(tmp_path / "file")).open()
    with pytest.raises(TransientDeviceError, match=r"0x27: nothing is there; .* dtparam=i2c_arm=on"):
        CharacterLcd(options(tmp_path / "none")).open()


def test_a_display_that_stops_answering_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bus says so with each write; the place and what to check are told, and opening it anew is possible."""
    (tmp_path / "bus").touch()
    lcd = CharacterLcd(options(tmp_path / "bus", adapter="line"))
    lcd.open()

    def nobody(_: int, __: bytes) -> int:
        raise OSError(121, "Remote I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", nobody)
        with pytest.raises(TransientDeviceError, match="address 0x27 does not answer: Remote I/O error; check"):
            lcd.show(Pattern(colour=Colour.RED, rhythm=Rhythm(100), pages=(Page(("Closed",)),)))
    lcd.open()
    lcd.close()
    assert (tmp_path / "bus").read_bytes()


def test_a_page_that_stays_is_not_written_again(tmp_path: Path) -> None:
    """The bus is quiet between two pages."""
    (tmp_path / "bus").touch()
    lcd = CharacterLcd(options(tmp_path / "bus", adapter="line"))
    lcd.open()
    lcd.show(Pattern(colour=Colour.RED, rhythm=Rhythm(100), pages=(Page(("a",)), Page(("b",)))))
    size = (tmp_path / "bus").stat().st_size
    lcd.play(1_999)
    assert (tmp_path / "bus").stat().st_size == size
    lcd.play(2_000)
    assert (tmp_path / "bus").stat().st_size > size
    lcd.close()
