"""A pin takes direction and level in one act, and keeps its level when let go."""

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from gpiozero import DigitalOutputDevice
from portillon_drivers.errors import MissingLibraryError
from portillon_drivers.gpio_pins import pin_factory
from portillon_drivers.options import Wiring
from portillon_drivers.outputs.gpio_output import GpioOutput, GpioOutputOptions

PIN = 17


@pytest.fixture
def pin() -> Iterator[Any]:
    """Mock pin 17, pulled up as by the board of an active-low relay: unpowered it is locked."""
    factory = pin_factory("mock")
    factory.reset()
    pin = factory.pin(PIN)
    pin.pull = "up"
    pin.clear_states()
    yield pin
    factory.reset()


def active_low_strike() -> GpioOutput:
    return GpioOutput(
        GpioOutputOptions(
            name="strike",
            type="gpio",
            pin=PIN,
            energised_level="low",
            pin_factory="mock",
            wiring=Wiring.ENERGISE_TO_RELEASE,
            max_on_ms=3_000,
        )
    )


def test_opening_never_blips(pin: Any) -> None:
    """A relay that is locked at the high level sees no low level while its pin becomes an output."""
    output = active_low_strike()
    output.open()
    assert pin.function == "output"
    assert [state.state for state in pin.states] == [True]
    output.close()


def test_ablation_two_acts_would_blip(pin: Any) -> None:
    """Direction first and level afterwards releases for a moment: the mock shows what the real pin does."""
    device = DigitalOutputDevice(PIN, active_high=False, initial_value=None, pin_factory=pin_factory("mock"))
    device.off()
    assert [state.state for state in pin.states] == [True, False, True]
    device.close()


def test_level_stays_when_the_pin_is_let_go(pin: Any) -> None:
    """Closing an output changes no level."""
    output = active_low_strike()
    output.open()
    output.set(True)
    output.close()
    assert pin.function == "output"
    assert pin.state == 0


def test_lgpio_pin_claims_its_line_with_its_level(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a Pi the line is requested from the kernel as an output of the right level, and not given back as an input."""
    calls: list[tuple[str, tuple[Any, ...]]] = []

    class FakeLgpio(ModuleType):
        """Records calls; every constant is 1."""

        def __getattr__(self, name: str) -> Any:
            return 1 if name.isupper() else lambda *a: calls.append((name, a)) or 1

    fake = FakeLgpio("lgpio")
    vars(fake)["error"] = OSError
    monkeypatch.setitem(sys.modules, "lgpio", fake)
    monkeypatch.delitem(sys.modules, "gpiozero.pins.lgpio", raising=False)
    from gpiozero.pins.lgpio import LGPIOFactory

    monkeypatch.setattr(LGPIOFactory, "_get_revision", lambda self: 0xC03111)
    pin_factory.cache_clear()
    try:
        factory = pin_factory("lgpio")
        pin = factory.pin(PIN)
        calls.clear()
        pin.output_with_state(1)
        pin.close()
        assert calls == [("gpio_claim_output", (1, PIN, 1))]
        factory.close()
    finally:
        pin_factory.cache_clear()
        sys.modules.pop("gpiozero.pins.lgpio", None)


def test_missing_lgpio_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without lgpio the message names it and the way out."""
    monkeypatch.setitem(sys.modules, "lgpio", None)
    monkeypatch.delitem(sys.modules, "gpiozero.pins.lgpio", raising=False)
    pin_factory.cache_clear()
    with pytest.raises(MissingLibraryError, match='pin_factory = "mock"'):
        pin_factory("lgpio")
