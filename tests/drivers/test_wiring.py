"""Wiring decides what loss of power means."""

import pytest
from portillon_drivers.options import Wiring


@pytest.mark.parametrize(
    ("wiring", "releasing", "energised"),
    [
        (Wiring.ENERGISE_TO_RELEASE, True, True),
        (Wiring.ENERGISE_TO_RELEASE, False, False),
        (Wiring.ENERGISE_TO_LOCK, True, False),
        (Wiring.ENERGISE_TO_LOCK, False, True),
    ],
)
def test_which_coil_state_a_door_state_needs(wiring: Wiring, releasing: bool, energised: bool) -> None:
    """A strike releases with current, a maglock without."""
    assert wiring.energised(releasing=releasing) is energised
