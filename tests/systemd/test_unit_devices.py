"""The gateway's units open what the drivers need and nothing more: held to the registry's kinds."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from portillon_drivers import registry

FOLDER = Path(__file__).parents[2] / "systemd"
SERIAL = frozenset({"char-ttyUSB", "char-ttyACM", "char-ttyAMA", "char-ttyS"})
PINS, I2C, SPI = frozenset({"char-gpiochip"}), frozenset({"char-i2c"}), frozenset({"char-spi"})
EVENTS, USB = frozenset({"char-input"}), frozenset({"char-usb_device"})
READER_LINE: frozenset[str] = frozenset()
"""It is part of a reader, whose line that is."""

NEEDS: Mapping[str, Mapping[str, frozenset[str]]] = {
    "READERS": {
        "rdm6300": SERIAL,
        "id12la": SERIAL,
        "wiegand": PINS,
        "serial_scanner": SERIAL,
        "wedge_scanner": EVENTS,
        "pn532": SERIAL | USB | PINS,  # a serial line or USB; the reset is a pin
        "osdp": SERIAL,
    },
    "OUTPUTS": {"lcus_relay": SERIAL, "gpio": PINS, "modbus_relay": SERIAL},
    "TIMED_OUTPUTS": {"osdp": READER_LINE},
    "INPUTS": {"modbus": SERIAL, "modbus_analog": SERIAL, "mcp3008": SPI, "gpio": PINS, "osdp": READER_LINE},
    "INDICATORS": {"gpio": PINS, "osdp": READER_LINE, "lcd": I2C},
}
GROUP_OF = {
    **dict.fromkeys(SERIAL, "dialout"),
    "char-gpiochip": "gpio",
    "char-i2c": "i2c",
    "char-spi": "spi",
    "char-input": "input",
    "char-usb_device": "plugdev",
}
"""Of Raspberry Pi OS; of USB the one that the udev rule in the README names."""
UNITS = {"portillon-gateway": ("READERS", "INPUTS", "TIMED_OUTPUTS", "INDICATORS"), "portillon-guard": ("OUTPUTS",)}
"""Who opens which family's devices."""

units = pytest.mark.parametrize("unit", UNITS)


def values(unit: str, key: str) -> list[str]:
    """What the unit says under that key, line by line."""
    return re.findall(rf"^{key}=(.*)$", (FOLDER / f"{unit}.service").read_text(), flags=re.M)


def needed(families: Iterable[str]) -> set[str]:
    """Every device that some kind of these families hangs on."""
    return {device for family in families for devices in NEEDS[family].values() for device in devices}


@pytest.mark.parametrize("family", NEEDS)
def test_every_kind_says_what_it_hangs_on(family: str) -> None:
    """A new driver has to be named here, and so in the unit that runs it."""
    assert set(NEEDS[family]) == set(getattr(registry, family))


def test_every_family_has_somebody_who_opens_it() -> None:
    """No family of drivers is forgotten, and none is opened by two."""
    families = [name for name in vars(registry) if name.isupper() and len(name) > 1]
    assert sorted(family for each in UNITS.values() for family in each) == sorted(families) == sorted(NEEDS)


@units
def test_the_unit_allows_what_its_drivers_open_and_nothing_else(unit: str) -> None:
    """Closed but for those; each may be read and written."""
    assert values(unit, "DevicePolicy") == ["closed"]
    assert sorted(values(unit, "DeviceAllow")) == sorted(f"{device} rw" for device in needed(UNITS[unit]))


@units
def test_the_unit_is_in_the_groups_that_own_them(unit: str) -> None:
    """A device that may be opened by the unit must be by its user too."""
    (groups,) = values(unit, "SupplementaryGroups")
    assert set(groups.split()) == {GROUP_OF[device] for device in needed(UNITS[unit])}


def test_the_readme_makes_the_groups_that_are_named() -> None:
    """systemd starts no unit with a group that is not there."""
    (made,) = re.findall(r"for g in ([\w ]+);", (FOLDER / "README.md").read_text())
    named = {group for unit in UNITS for line in values(unit, "SupplementaryGroups") for group in line.split()}
    assert set(made.split()) == named
