"""Lamps and buzzer on pins: dark from the first instant, each level as the board wants it, and found conflicts."""

from collections.abc import Iterator
from typing import Any

import pytest
from portillon_drivers.gpio_pins import pin_factory
from portillon_drivers.indicators.gpio_lamps import GpioLamps, GpioLampsOptions
from portillon_drivers.indicators.pattern import Beeps, Colour, Pattern, Rhythm
from pydantic import ValidationError

GREEN, RED, BUZZER = 5, 6, 13
BLINK = Pattern(colour=Colour.AMBER, rhythm=Rhythm(200, 300), beeps=Beeps(1, 100))


@pytest.fixture
def factory() -> Iterator[Any]:
    factory = pin_factory("mock")
    factory.reset()
    yield factory
    factory.reset()


def options(**keys: Any) -> GpioLampsOptions:
    return GpioLampsOptions(
        name="lamps",
        type="gpio",
        door="lane1",
        **{"green_pin": GREEN, "red_pin": RED, "buzzer_pin": BUZZER, "lit_level": "low", "pin_factory": "mock"} | keys,
    )


def test_a_restart_flashes_no_lamp(factory: Any) -> None:
    """Direction and the dark level are one act: an active-low lamp is never lit for a moment."""
    pin = factory.pin(GREEN)
    pin.pull = "up"
    pin.clear_states()
    lamps = GpioLamps(options())
    lamps.open()
    assert all(state.state for state in pin.states)
    lamps.close()
    assert pin.state


def test_both_lamps_are_amber_and_the_rhythm_is_kept(factory: Any) -> None:
    """Each call drives light and sound as the pattern has them then, and says when to call again."""
    lamps = GpioLamps(options(lit_level="high"))
    lamps.open()
    seen = []
    again_ms: int | None = lamps.show(BLINK)
    elapsed_ms = 0
    while elapsed_ms < 1_000:
        seen.append((elapsed_ms, *(bool(factory.pin(number).state) for number in (GREEN, RED, BUZZER))))
        assert again_ms is not None
        elapsed_ms += again_ms
        again_ms = lamps.play(elapsed_ms)
    assert seen == [
        (0, True, True, True),
        (100, True, True, False),
        (200, False, False, False),
        (500, True, True, False),
        (700, False, False, False),
    ]
    lamps.close()


def test_a_lane_without_a_buzzer_has_lamps_only(factory: Any) -> None:
    """No pin is touched that the section does not name."""
    lamps = GpioLamps(options(buzzer_pin=None))
    lamps.open()
    lamps.show(BLINK)
    assert factory.pin(BUZZER).function == "input" and factory.pin(RED).function == "output"
    assert not options(buzzer_pin=None).port.endswith("13")
    lamps.close()


def test_two_parts_on_one_pin_are_refused() -> None:
    """The configuration says so before a lamp is wired to nothing."""
    with pytest.raises(ValidationError, match="are different pins"):
        options(red_pin=GREEN)
    assert options().places == ("GPIO pin 5", "GPIO pin 6", "GPIO pin 13")
