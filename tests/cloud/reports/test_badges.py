"""From journal events to badges."""

from hypothesis import given
from hypothesis import strategies as st
from portillon_cloud.reports.badges import DoorEvent, badges, short_name
from portillon_cloud.reports.site_view import Outcome
from portillon_rules.reason import DenyReason, GrantFlag

NAMES = {"7": (7, "Zoë R.")}


def event(kind, *, door="lane-1", at_ms=0, member="7", reason=None, flags="", way=None):
    return DoorEvent(
        key=str(at_ms), kind=kind, at_ms=at_ms, door=door, member=member, reason=reason, flags=flags, way=way
    )


def test_a_grant_is_joined_with_what_followed_at_the_same_door():
    """Went through, or not; a passage at another door says nothing."""
    made = badges(
        [
            event("granted", door="a"),
            event("granted", door="b"),
            event("passage", door="b"),
            event("grant_not_used", door="a"),
        ],
        NAMES,
    )
    assert [(one.door, one.outcome) for one in made] == [("b", Outcome.PASSED), ("a", Outcome.NOT_USED)]


def test_a_grant_alone_is_open():
    """Nobody has gone through yet."""
    assert [one.outcome for one in badges([event("granted")], NAMES)] == [Outcome.OPENED]


def test_a_refusal_keeps_its_reason_even_an_unknown_one():
    """A newer gateway's reason is left out, not the badge."""
    known, newer = badges([event("denied", reason="made_up"), event("denied", reason="frozen")], NAMES)
    assert (known.reason, newer.reason) == (DenyReason.FROZEN, None)
    assert newer.outcome is Outcome.DENIED


def test_a_card_nobody_holds_has_no_name():
    """Neither has a member who is gone."""
    assert [one.who for one in badges([event("denied", member=None), event("denied", member="99")], NAMES)] == [
        None,
        None,
    ]


def test_a_badge_never_tells_of_duress():
    """Whoever forces somebody may look at the screen; other circumstances are shown."""
    [made] = badges([event("granted", flags="duress,after_lease")], NAMES)
    assert made.flags == (GrantFlag.AFTER_LEASE,)
    assert badges([event("alarm", reason="duress", flags="duress")], NAMES) == []


def test_names_are_short():
    """A given name and an initial."""
    assert short_name("Amélie", "Tremblay") == "Amélie T."
    assert short_name("Pelé", "") == "Pelé"


kinds = st.sampled_from(["granted", "denied", "passage", "grant_not_used", "door_forced"])
events = st.lists(st.builds(event, kinds, door=st.sampled_from("ab"), at_ms=st.integers(0, 9)), max_size=30)


@given(events)
def test_each_badge_is_shown_once_and_no_passage_is_shared(found):
    """As many badges as grants and denials, and at most as many who passed as passages."""
    made = badges(found, NAMES)
    assert len(made) == sum(one.kind in ("granted", "denied") for one in found)
    assert sum(one.outcome is Outcome.PASSED for one in made) <= sum(one.kind == "passage" for one in found)


def test_who_comes_in_is_not_who_goes_out_of_the_same_lane():
    """Two grants wait at once in a two-way lane: each passage belongs to the one of its own way."""
    made = badges([event("granted", way="entry"), event("granted", way="exit"), event("passage", way="entry")], NAMES)
    assert [one.outcome for one in made] == [Outcome.OPENED, Outcome.PASSED]
    assert badges([event("granted"), event("passage", way="entry")], NAMES)[0].outcome is Outcome.PASSED
