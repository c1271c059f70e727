"""PINs at a door: with a card, alone, under duress, and locked out."""

from dataclasses import replace

import pytest
from edge.credentials.plain_memory import PlainMemory
from edge.doors.small_site import ANNE, STRANGER, Site
from portillon_drivers.options import PinUse
from portillon_edge.credentials.reader_rules import EVERY_CARD, ReaderRules
from portillon_edge.domain.events import EventKind
from portillon_edge.doors.machine import NS_PER_MS
from portillon_rules.credential import Credential, credential_hash
from portillon_rules.decision import SiteRules
from portillon_rules.reason import DenyReason, GrantFlag

WITH_CARD = ReaderRules(pin=PinUse.WITH_CARD, pin_tries_max=3, pin_lockout_s=60)
ALONE = replace(WITH_CARD, pin=PinUse.ALONE)
GRANTED, DENIED, ALARM = [EventKind.GRANTED], [EventKind.DENIED], EventKind.ALARM
BEN = Credential.parse("em4100:0102030405")
PIN = Credential.parse("pin:491730")


@pytest.fixture
def padded(site: Site) -> Site:
    """The lane wants a PIN with each card; Anne's is 4917, under duress 4918."""
    site.readers = {"lane1-reader": WITH_CARD, "lane1-scanner": WITH_CARD}
    site.admit(ANNE.with_pin("4917"))
    site.admit(ANNE.with_pin("4918"), duress=True)
    site.start()
    return site


@pytest.fixture
def keypad(site: Site) -> Site:
    """The lane takes cards, and PINs by themselves; one member's is 491730, under duress 491731."""
    site.readers = {"lane1-reader": ALONE}
    site.admit(PIN)
    site.admit(Credential.parse("pin:491731"), duress=True)
    site.start()
    return site


def told(site: Site) -> list[object]:
    return [one for one in site.told if one != ("record", ALARM)]


# With a card ---------------------------------------------------------------------------------------------------------


def test_card_waits_for_its_pin(padded: Site) -> None:
    """Nothing is released for the card; the right PIN lets in, on the row of both together."""
    assert padded.badge() == []
    assert padded.told == []
    assert padded.type("4917", ms=900) == []
    assert padded.type("#", ms=1_000) == GRANTED
    assert padded.events[-1].credential == credential_hash(ANNE.with_pin("4917"), padded.keys[0])


def test_wrong_pin(padded: Site) -> None:
    """Refused as such, with the member whose card it is; the journal holds the card's hash and nothing typed."""
    padded.badge()
    assert padded.type("4919#", ms=500) == DENIED
    event = padded.events[-1]
    assert (event.reason, event.member) == (DenyReason.WRONG_PIN, "m-anne")
    assert event.credential == credential_hash(ANNE, padded.keys[0])


@pytest.mark.parametrize("digits", ["491", "49170", "4917000000000000"])
def test_pin_with_more_or_less_is_wrong(padded: Site, digits: str) -> None:
    """A right PIN with something missing or behind it is a wrong one."""
    padded.badge()
    padded.type(f"{digits}#", ms=500)
    assert padded.reason == DenyReason.WRONG_PIN


def test_star_clears(padded: Site) -> None:
    """A slip of the finger costs nothing; the card goes on waiting."""
    padded.badge()
    assert padded.type("12*4917#", ms=500) == GRANTED


def test_unknown_card_is_told_at_once(padded: Site) -> None:
    """No PIN could help it."""
    assert padded.badge(STRANGER) == DENIED and padded.reason == DenyReason.UNKNOWN_CREDENTIAL


def test_card_that_was_given_while_it_is_told_does_not_slip_through(padded: Site) -> None:
    """The row that the card needs a PIN for is the one that was looked up, whatever the feed does meanwhile."""
    lookup, seen = padded.lookup, []

    def comes_late(hashed: str) -> object:
        seen.append(hashed)
        return None if len(seen) <= 2 else lookup(hashed)

    padded.lookup = comes_late  # type: ignore[assignment, method-assign]
    padded.start()
    assert padded.badge() == DENIED and padded.reason == DenyReason.UNKNOWN_CREDENTIAL


def test_no_pin_in_time(padded: Site) -> None:
    """PIN_MISSING at the deadline, counted from the last key, and nothing typed later belongs to the card."""
    padded.badge()
    padded.type("49", ms=4_000)
    assert padded.attendant.deadline_ns == 14_000 * NS_PER_MS
    padded.attendant.tick(14_000 * NS_PER_MS)
    assert (padded.reason, padded.events[-1].member) == (DenyReason.PIN_MISSING, "m-anne")
    assert padded.type("17#", ms=14_001) == DENIED and padded.reason == DenyReason.KIND_NOT_ACCEPTED


def test_key_at_the_very_end_is_too_late(padded: Site) -> None:
    """The wait is half-open, and ends even if the tick comes after the key."""
    padded.badge()
    assert padded.type("4", ms=10_000) == DENIED and padded.reason == DenyReason.PIN_MISSING


def test_hash_without_digits_ends_the_wait(padded: Site) -> None:
    """PIN_MISSING; nothing was tried, so that nothing is counted."""
    padded.badge()
    assert padded.type("#", ms=100) == DENIED and padded.reason == DenyReason.PIN_MISSING
    assert not padded.memory.pins  # type: ignore[attr-defined]


def test_new_card_takes_the_place_of_the_first(padded: Site) -> None:
    """The first is told PIN_MISSING, its digits are gone, and the PIN is the second one's."""
    padded.admit(BEN)
    padded.admit(BEN.with_pin("1357"))
    padded.badge()
    padded.type("49", ms=100)
    assert padded.badge(BEN, ms=150) == DENIED and padded.reason == DenyReason.PIN_MISSING
    assert padded.events[-1].credential == credential_hash(ANNE, padded.keys[0])
    assert padded.type("1357#", ms=200) == GRANTED


def test_same_card_again_is_the_same_card(padded: Site) -> None:
    """A card that is held to the reader again while its PIN is typed loses no digit."""
    padded.badge()
    padded.type("49", ms=3_000)
    assert padded.badge(ms=3_500) == []
    assert padded.type("17#", ms=4_000) == GRANTED


def test_busy_lane_is_told_after_the_pin(padded: Site) -> None:
    """The decision is made when the PIN is there, on the lane as it is then."""
    padded.admit(BEN)
    padded.admit(BEN.with_pin("1357"))
    padded.badge()
    padded.type("4917#", ms=100)
    padded.badge(BEN, ms=150)
    assert padded.type("1357#", ms=200) == DENIED and padded.reason == DenyReason.LANE_BUSY


def test_counter_of_a_card_with_pin_is_used_up_by_the_grant(padded: Site) -> None:
    """Waiting commits nothing; the grant does; its copy is refused after its PIN."""
    tag = Credential.parse("ntag424:04DE5F1EACC040")
    padded.admit(tag)
    padded.admit(tag.with_pin("2468"))
    padded.badge(tag, counter=3)
    assert padded.memory.commits == []  # type: ignore[attr-defined]
    assert padded.type("2468#", ms=100) == GRANTED
    padded.pass_lane(ms=200)
    padded.badge(tag, counter=3, ms=5_000)
    assert padded.type("2468#", ms=5_100) == DENIED and padded.reason == DenyReason.COUNTER_REPLAYED


# Alone ---------------------------------------------------------------------------------------------------------------


def test_pin_alone_and_cards_as_usual(keypad: Site) -> None:
    """Digits and # are a credential; a card passes without."""
    assert keypad.type("491730#") == GRANTED
    assert keypad.events[-1].credential == credential_hash(PIN, keypad.keys[0])
    keypad.pass_lane(ms=500)
    assert keypad.badge(ms=1_000) == GRANTED


def test_wrong_pin_alone_names_nobody(keypad: Site) -> None:
    """What was typed is not kept, not even as a hash."""
    assert keypad.type("491739#") == DENIED
    assert (keypad.reason, keypad.events[-1].credential) == (DenyReason.WRONG_PIN, None)


def test_gateway_that_was_never_synchronised_counts_nothing(keypad: Site) -> None:
    """It knows no PIN, so none is wrong."""
    keypad.rules = SiteRules(None, {})
    for ms in range(5):
        keypad.type("491739#", ms=ms)
        assert keypad.reason == DenyReason.NEVER_SYNCED
    assert not keypad.memory.pins  # type: ignore[attr-defined]


def test_pad_that_nobody_asked_for(site: Site) -> None:
    """Digits at a reader without PINs are refused, once for each entry; a lone # is nothing."""
    assert site.type("#") == []
    assert site.type("1234#") == DENIED and site.reason == DenyReason.KIND_NOT_ACCEPTED
    site.type("12", ms=1_000)
    site.attendant.tick(11_000 * NS_PER_MS)
    assert len(site.events) == 2 and site.reason == DenyReason.KIND_NOT_ACCEPTED


# Duress --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("right", ["4917", "4918"])
def test_duress_looks_like_any_other_grant(padded: Site, right: str) -> None:
    """What the output is told, and in which order, is the same; only the journal knows."""
    padded.badge()
    padded.type(f"{right}#", ms=100)
    assert told(padded) == [("release", "lane1-relay", 500), ("record", EventKind.GRANTED)]
    flagged = [event for event in padded.events if event.flags or event.kind is ALARM]
    assert bool(flagged) is (right == "4918")
    if flagged:
        granted, alarm = flagged
        assert granted.flags == (GrantFlag.DURESS,)
        assert (alarm.reason, alarm.member, alarm.door) == ("duress", "m-anne", "lane1")


def test_duress_is_told_even_where_the_door_stays_shut(keypad: Site) -> None:
    """A busy lane, or a pad that is locked out, keeps nobody from calling for help."""
    keypad.badge()
    assert keypad.type("491731#", ms=10) == [EventKind.DENIED, ALARM]
    for ms in range(20, 23):
        keypad.type("0000#", ms=ms)
    assert keypad.type("491731#", ms=30) == [EventKind.DENIED, ALARM]
    assert (keypad.events[-2].reason, keypad.events[-1].member) == (DenyReason.PIN_LOCKED, "m-anne")


# Lock-out ------------------------------------------------------------------------------------------------------------


def try_pin(site: Site, digits: str, *, ms: int, card: Credential | None = None, reader: str = "lane1-reader") -> str:
    if card is not None:
        site.badge(card, ms=ms, reader=reader)
    site.type(f"{digits}#", ms=ms, reader=reader)
    return site.events[-1].reason or site.events[-1].kind


def test_lock_out_after_too_many_wrong_pins(padded: Site) -> None:
    """The right PIN is refused too, until the time is over, and then passes."""
    for ms in (0, 10, 20):
        assert try_pin(padded, "0000", ms=ms, card=ANNE) == DenyReason.WRONG_PIN
    assert try_pin(padded, "4917", ms=30, card=ANNE) == DenyReason.PIN_LOCKED
    assert try_pin(padded, "4917", ms=60_019, card=ANNE) == DenyReason.PIN_LOCKED
    assert try_pin(padded, "4917", ms=60_020, card=ANNE) == EventKind.GRANTED


def test_right_pin_starts_the_count_anew(padded: Site) -> None:
    """Wrong PINs count in a row."""
    for ms, digits in enumerate(["0000", "0000", "4917", "0000", "0000"]):
        try_pin(padded, digits, ms=ms * 6_000, card=ANNE)
        padded.attendant.tick((ms * 6_000 + 5_500) * NS_PER_MS)
    assert try_pin(padded, "4917", ms=40_000, card=ANNE) == EventKind.GRANTED


def test_card_is_locked_out_at_every_reader_and_others_are_not(site: Site) -> None:
    """The credential's own count follows it; another reader's guests are not punished for it."""
    site.readers = {"lane1-reader": replace(WITH_CARD, pin_tries_max=20), "pool-reader": WITH_CARD}
    site.start()
    for card in (ANNE, BEN):
        site.admit(card, zones=("gym", "pool"))
        site.admit(card.with_pin("4917"), zones=("gym", "pool"))
    for ms in (0, 10):
        assert try_pin(site, "0000", ms=ms, card=ANNE) == DenyReason.WRONG_PIN
    assert try_pin(site, "0000", ms=20, card=ANNE, reader="pool-reader") == DenyReason.WRONG_PIN
    assert try_pin(site, "4917", ms=30, card=ANNE) == DenyReason.PIN_LOCKED
    assert try_pin(site, "4917", ms=40, card=BEN, reader="pool-reader") == EventKind.GRANTED


def test_reader_is_locked_out_for_everybody_cards_pass(keypad: Site) -> None:
    """PINs alone are guessed at a reader, not at a card; cards there pass as usual."""
    for ms in (0, 10, 20):
        assert try_pin(keypad, "0000", ms=ms) == DenyReason.WRONG_PIN
    assert try_pin(keypad, "491730", ms=30) == DenyReason.PIN_LOCKED
    assert keypad.badge(ms=40) == GRANTED


def test_lock_out_survives_a_restart_and_a_cold_boot(padded: Site) -> None:
    """A restart changes nothing; after a cold boot the whole length runs again from that boot's beginning."""
    for ms in (0, 10, 20):
        try_pin(padded, "0000", ms=ms, card=ANNE)
    padded.start()
    assert try_pin(padded, "4917", ms=60_019, card=ANNE) == DenyReason.PIN_LOCKED
    padded.boot_id = "another-boot"
    padded.start()
    assert try_pin(padded, "4917", ms=59_999, card=ANNE) == DenyReason.PIN_LOCKED
    assert try_pin(padded, "4917", ms=60_000, card=ANNE) == EventKind.GRANTED


def test_wrong_pin_counts_in_this_process_even_on_a_full_disk(padded: Site) -> None:
    """Nobody gets more guesses out of a full disk than a restart gives."""
    assert isinstance(padded.memory, PlainMemory)
    padded.memory.broken = True
    for ms in (0, 10, 20):
        try_pin(padded, "0000", ms=ms, card=ANNE)
    assert try_pin(padded, "4917", ms=30, card=ANNE) == DenyReason.PIN_LOCKED


def test_lock_out_needs_its_memory(padded: Site) -> None:
    """Ablation: without the counts the thousandth guess is as good as the first."""
    padded.memory.tries = lambda name: None  # type: ignore[method-assign]
    for ms in range(20):
        assert try_pin(padded, "0000", ms=ms, card=ANNE) == DenyReason.WRONG_PIN


def test_pass_and_pin_share_the_rules() -> None:
    """A reader takes every kind but PINs unless its section says otherwise: those are keys, never readings."""
    assert not [kind for kind in EVERY_CARD if kind.secret]
