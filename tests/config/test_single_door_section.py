"""The section `[[doors]]` of `kind = "door"`."""

from typing import Any

import pytest
from portillon_config.doors import SingleDoor
from pydantic import ValidationError


def section(**keys: Any) -> SingleDoor:
    """A side door as a technician writes it."""
    least = {"name": "side", "kind": "door", "zone": "gym", "readers": ["r"], "output": "strike", "pulse_ms": 3000}
    return SingleDoor.model_validate({**least, **keys})


def test_a_door_says_little_and_is_safe() -> None:
    """Relocked as it opens, a bounce is no opening, long access is three times as long, and no warning unless asked."""
    door = section()
    assert (door.relock_on_open, door.contact_bounce_ms, door.long_access_factor) == (True, 200, 3)
    assert door.held_open_warn_ms is None


@pytest.mark.parametrize("warn_ms", [30_000, 40_000])
def test_a_warning_after_the_alarm_is_refused(warn_ms: int) -> None:
    """With both figures and what to do."""
    with pytest.raises(ValidationError, match=rf"held_open_warn_ms = {warn_ms} .* held_open_ms = 30000; lower the one"):
        section(held_open_warn_ms=warn_ms)


@pytest.mark.parametrize("keys", [{"contact_bounce_ms": -1}, {"long_access_factor": 0}, {"held_open_warn_ms": 0}])
def test_figures_outside_their_bounds_are_refused(keys: dict[str, int]) -> None:
    """No time is negative, nobody gets less than the others."""
    with pytest.raises(ValidationError):
        section(**keys)
