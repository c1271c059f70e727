"""Drivers are found by name and imported on first use."""

import subprocess
import sys

import pytest
from portillon_drivers.errors import MissingLibraryError, UnknownDriverError
from portillon_drivers.registry import INDICATORS, INPUTS, OUTPUTS, READERS, TIMED_OUTPUTS, driver_of, options_model


@pytest.mark.parametrize(
    "registered",
    [*READERS.values(), *OUTPUTS.values(), *TIMED_OUTPUTS.values(), *INPUTS.values(), *INDICATORS.values()],
)
def test_every_registered_driver_exists(registered: str) -> None:
    """Each name leads to a driver whose section is known."""
    assert driver_of(registered).options.model_fields["name"]


def test_unknown_type_lists_the_known_ones() -> None:
    """A typing mistake is answered with the names there are."""
    with pytest.raises(UnknownDriverError, match=r"id12la, .*rdm6300"):
        options_model(READERS, "rdm630")


def test_missing_library_is_named() -> None:
    """A driver whose library is not installed says which."""
    with pytest.raises(MissingLibraryError, match="no_such_library"):
        driver_of("no_such_library:DRIVER")


def test_a_gateway_without_pins_loads_no_gpio_library() -> None:
    """Only the drivers in use are imported: the guard of a serial site starts without gpiozero."""
    code = (
        "import sys; from portillon_drivers.registry import OUTPUTS, driver_of; "
        "driver_of(OUTPUTS['lcus_relay']); sys.exit('gpiozero' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
