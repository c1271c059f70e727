"""A site's policy as a feed row: what it may overlook for a while, and what no site may."""

import pytest
from portillon_rules.policy import LENIENT_HOURS_MAX, MAY_BE_LENIENT, SitePolicy
from portillon_rules.reason import DenyReason


def test_what_a_site_overlooks_travels_with_its_policy() -> None:
    """By reason, in hours; a row of a cloud that knows none overlooks nothing."""
    policy = SitePolicy(time_zone="Europe/Paris", lenient_hours={DenyReason.DUES_UNPAID: 48, DenyReason.PASS_SHARED: 1})
    assert SitePolicy.from_body(policy.to_body()) == policy
    before = {key: value for key, value in policy.to_body().items() if key != "lenient_hours"}
    assert SitePolicy.from_body(before) == SitePolicy(time_zone="Europe/Paris")


@pytest.mark.parametrize("reason", sorted(set(DenyReason) - set(MAY_BE_LENIENT)))
def test_no_site_overlooks_what_the_desk_blocked_or_what_a_door_says(reason: DenyReason) -> None:
    """Only the standing can be overlooked: not a ban, a lost card, a zone, an hour or a full room."""
    with pytest.raises(ValueError, match="no site overlooks"):
        SitePolicy(time_zone="Europe/Paris", lenient_hours={reason: 1})


@pytest.mark.parametrize("hours", [0, -1, LENIENT_HOURS_MAX + 1])
def test_overlooking_has_an_end_within_a_year(hours: int) -> None:
    """None at all is written by leaving the reason out."""
    with pytest.raises(ValueError, match="write 1 to"):
        SitePolicy(time_zone="Europe/Paris", lenient_hours={DenyReason.FROZEN: hours})
