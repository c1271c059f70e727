"""Who is let in and who is turned away, for everything that a reader can tell."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from edge.credentials.plain_memory import PlainMemory
from edge.doors.small_site import ANNE, DAY_MS, NEW_KEY, OLD_KEY, STRANGER, Site
from portillon_drivers.events import ReaderFaultKind
from portillon_edge.credentials.reader_rules import ReaderRules
from portillon_edge.domain.credential_facts import CodeUsed, CounterSeen
from portillon_edge.domain.events import EventKind
from portillon_edge.doors.machine import NS_PER_MS
from portillon_rules.credential import Credential, CredentialKind, credential_hash
from portillon_rules.decision import DecisionTime, SiteRules, TimeQuality
from portillon_rules.policy import JournalUnwritable, SitePolicy, TimeUncertain
from portillon_rules.reason import DenyReason, GrantFlag
from portillon_wire.day_code import write_day_code
from portillon_wire.qr_pass import CLOCK_SKEW_MS
from portillon_wire.qr_pass_issuer import DeviceKey, issue

TAG = Credential.parse("ntag424:04DE5F1EACC040")
CODE_TEXT = write_day_code(bytes(range(16)))
CODE = Credential(CredentialKind.DAY_CODE, bytes(range(16)).hex().upper())
PHONE = DeviceKey.from_bytes(bytes(31) + b"\7")
GRANTED, DENIED, ALARM = [EventKind.GRANTED], [EventKind.DENIED], EventKind.ALARM
POLICY = SitePolicy(time_zone="America/Toronto")


def shown(at_ms: int, number: int = 0, *, phone: DeviceKey = PHONE) -> str:
    return issue(phone, real_ms=at_ms, random=lambda count: number.to_bytes(count, "big"))


def later(site: Site, ms: int) -> int:
    """Let the lane's grant end unused; the time."""
    site.attendant.tick(ms * NS_PER_MS)
    return ms


def memory_of(site: Site) -> PlainMemory:
    assert isinstance(site.memory, PlainMemory)
    return site.memory


# Kinds ---------------------------------------------------------------------------------------------------------------


def test_kind_that_the_reader_does_not_take(site: Site) -> None:
    """It is refused and written down, with the member whose card it is, and opens nothing."""
    site.readers = {"lane1-reader": ReaderRules(takes=frozenset({CredentialKind.DESFIRE}))}
    site.start()
    assert site.badge() == DENIED
    assert (site.reason, site.events[-1].member) == (DenyReason.KIND_NOT_ACCEPTED, "m-anne")
    assert site.badge(STRANGER, ms=10) == DENIED
    assert site.events[-1].member is None


def test_ordinary_card_never_touches_the_memory(site: Site) -> None:
    """From card to relay there is nothing durable to wait for, granted or refused."""
    for ms, card in ((0, ANNE), (100, ANNE), (200, STRANGER)):
        site.badge(card, ms=ms)
    later(site, 6_000)
    assert memory_of(site).asked == 0


def test_barcode_is_a_credential_of_its_own(site: Site) -> None:
    """A text that is no pass of ours may be somebody's barcode."""
    assert site.scan("M-000123") == DENIED
    assert site.reason == DenyReason.UNKNOWN_CREDENTIAL
    site.admit(Credential.parse("barcode:M-000123"))
    assert site.scan("M-000123", ms=5_000) == GRANTED


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (CODE_TEXT[:-1] + "Q", ReaderFaultKind.MALFORMED),
        ("PORTILLON:abc", ReaderFaultKind.MALFORMED),
        ("two words", ReaderFaultKind.MALFORMED),
        ("x" * 200, ReaderFaultKind.TOO_LONG),
    ],
)
def test_unreadable_text_is_a_fault_that_does_not_quote_it(site: Site, text: str, fault: ReaderFaultKind) -> None:
    """What claims to be ours and is misread is never taken for a barcode."""
    assert site.scan(text) == [EventKind.READER_FAULT]
    assert (site.events[-1].detail or "").startswith(f"{fault}: ")
    assert text not in (site.events[-1].detail or "")


# Counters ------------------------------------------------------------------------------------------------------------


def test_counter_must_rise(site: Site) -> None:
    """Equal or lower is a copy, refused with its reason and the member; higher passes."""
    site.admit(TAG)
    assert site.badge(TAG, counter=61) == GRANTED
    site.pass_lane(ms=1_000)
    for counter in (61, 60):
        assert site.badge(TAG, counter=counter, ms=5_000) == DENIED
        assert (site.reason, site.events[-1].member) == (DenyReason.COUNTER_REPLAYED, "m-anne")
    assert site.badge(TAG, counter=62, ms=9_000) == GRANTED


def test_counter_is_committed_before_the_release(site: Site) -> None:
    """A power cut right after the release finds the counter on the disk, under every key in force."""
    site.admit(TAG)
    released: list[object] = []
    site.told = released  # type: ignore[assignment]
    commit = site.memory.commit
    site.memory.commit = lambda facts: (released.append("commit"), commit(facts))[1]  # type: ignore[method-assign]
    site.badge(TAG, counter=7)
    assert [told if isinstance(told, str) else told[0] for told in released][:2] == ["commit", "release"]  # type: ignore[index]
    names = [credential_hash(TAG, key) for key in (NEW_KEY, OLD_KEY)]
    assert memory_of(site).commits[0] == tuple(CounterSeen(name, 7) for name in names)


def test_counter_that_let_nobody_in_is_no_proof_either(site: Site) -> None:
    """What was seen at a refusal is remembered: its copy does not open the door once the dues are paid."""
    hashed = site.admit(TAG, refusal=DenyReason.DUES_UNPAID)
    site.rows[hashed] = replace(site.rows[hashed], valid_from_ms=2 * DAY_MS)  # type: ignore[type-var]
    assert site.badge(TAG, counter=5) == DENIED and site.reason == DenyReason.DUES_UNPAID
    site.admit(TAG)
    assert site.badge(TAG, counter=5, ms=5_000) == DENIED and site.reason == DenyReason.COUNTER_REPLAYED


def test_key_rotation_forgets_no_counter(site: Site) -> None:
    """A tag found under the new key has the counter that it had under the old one."""
    site.admit(TAG, key=OLD_KEY)
    site.badge(TAG, counter=5)
    site.rows.clear()
    site.admit(TAG, key=NEW_KEY)
    site.keys = (NEW_KEY,)
    site.start()
    assert site.badge(TAG, counter=5, ms=9_000) == DENIED and site.reason == DenyReason.COUNTER_REPLAYED


# Phone passes --------------------------------------------------------------------------------------------------------


def test_pass_lets_in_once_at_any_reader(site: Site) -> None:
    """The nonce is remembered for the whole gateway: a photograph of the pass is worth nothing at another door."""
    site.admit(PHONE.credential, zones=("gym", "pool"))
    assert site.scan(shown(DAY_MS)) == GRANTED
    assert site.scan(shown(DAY_MS), reader="pool-reader", ms=900) == DENIED
    assert (site.reason, site.events[-1].member) == (DenyReason.PASS_REPLAYED, "m-anne")
    assert site.scan(shown(DAY_MS, 1), reader="pool-reader", ms=950) == GRANTED


def test_forged_pass(site: Site) -> None:
    """A pass whose signature does not fit names nobody."""
    site.admit(PHONE.credential)
    true, other = shown(DAY_MS), shown(DAY_MS, 1)
    assert site.scan(true[:100] + other[100:]) == DENIED
    assert (site.reason, site.events[-1].credential) == (DenyReason.PASS_FORGED, None)


def test_pass_from_another_time(site: Site) -> None:
    """Old, or from the future: refused with the same reason; within the skew it passes."""
    site.admit(PHONE.credential)
    for number, at_ms in enumerate((DAY_MS - 30_000 - CLOCK_SKEW_MS, DAY_MS + CLOCK_SKEW_MS + 1_000)):
        assert site.scan(shown(at_ms, number)) == DENIED and site.reason == DenyReason.PASS_EXPIRED
    assert site.scan(shown(DAY_MS + CLOCK_SKEW_MS, 9)) == GRANTED


def test_unknown_phone_is_unknown_and_remembers_nothing(site: Site) -> None:
    """Strangers with phones of their own fill no memory."""
    assert site.scan(shown(DAY_MS)) == DENIED and site.reason == DenyReason.UNKNOWN_CREDENTIAL
    assert memory_of(site).asked == 0


def test_busy_lane_uses_up_no_pass(site: Site) -> None:
    """Whoever comes too early shows the same pass again."""
    site.admit(PHONE.credential)
    site.badge()
    assert site.scan(shown(DAY_MS), ms=100) == DENIED and site.reason == DenyReason.LANE_BUSY
    site.pass_lane(ms=500)
    assert site.scan(shown(DAY_MS), ms=4_000) == GRANTED


def test_uncertain_time_follows_the_policy(site: Site) -> None:
    """After a cold boot a strict site refuses passes; another one lets each phone's rise, and flags the grant."""
    site.admit(PHONE.credential)
    site.scan(shown(DAY_MS, 1))
    site.pass_lane(ms=500)
    site.time = DecisionTime(DAY_MS - 5_000, TimeQuality.UNCERTAIN, DAY_MS)
    strict = replace(POLICY, time_uncertain=TimeUncertain.DENY)
    site.rules = SiteRules(strict, {})
    assert site.scan(shown(DAY_MS + 2_000_000, 2), ms=5_000) == DENIED and site.reason == DenyReason.TIME_UNKNOWN
    site.rules = SiteRules(POLICY, {})
    assert site.scan(shown(DAY_MS, 3), ms=9_000) == DENIED and site.reason == DenyReason.PASS_REPLAYED
    assert site.scan(shown(DAY_MS + 2_000_000, 4), ms=13_000) == GRANTED
    assert site.events[-1].flags == (GrantFlag.TIME_UNCERTAIN,)
    site.pass_lane(ms=14_000)
    assert site.scan(shown(DAY_MS - 60_000, 5), ms=18_000) == DENIED and site.reason == DenyReason.PASS_EXPIRED


# Single-use codes ----------------------------------------------------------------------------------------------------


def test_day_code_works_once_across_lanes(site: Site) -> None:
    """While its grant runs, and after its passage, it is used, at every door and after a restart."""
    site.admit(CODE, zones=("gym", "pool"), single_use=True)
    assert site.scan(CODE_TEXT) == GRANTED
    assert site.scan(CODE_TEXT, reader="pool-reader", ms=100) == DENIED and site.reason == DenyReason.CODE_USED
    site.pass_lane(ms=1_000)
    assert site.scan(CODE_TEXT, ms=5_000) == DENIED and site.reason == DenyReason.CODE_USED
    site.start()
    assert site.scan(CODE_TEXT, ms=9_000) == DENIED
    assert (site.reason, site.events[-1].member) == (DenyReason.CODE_USED, "m-anne")


def test_day_code_is_reserved_before_the_release(site: Site) -> None:
    """A crash after the release leaves it used."""
    site.admit(CODE, single_use=True)
    assert site.scan(CODE_TEXT) == GRANTED
    assert memory_of(site).commits == [
        tuple(CodeUsed(credential_hash(CODE, key), 30 * DAY_MS) for key in (NEW_KEY, OLD_KEY))
    ]


def test_day_code_that_nobody_used_is_free_again(site: Site) -> None:
    """GRANT_NOT_USED gives it back, for whatever cause."""
    site.admit(CODE, single_use=True)
    site.scan(CODE_TEXT)
    later(site, 5_000)
    assert site.events[-1].kind is EventKind.GRANT_NOT_USED
    assert site.scan(CODE_TEXT, ms=6_000) == GRANTED
    site.pass_lane(ms=7_000)
    assert site.scan(CODE_TEXT, ms=12_000) == DENIED


def test_release_that_never_began_gives_the_code_back(site: Site) -> None:
    """An output that fails at that very moment is not the member's loss."""
    site.admit(CODE, single_use=True)
    site.breaks_on_release = True
    assert site.scan(CODE_TEXT) == DENIED and site.reason == DenyReason.OUTPUT_UNAVAILABLE
    site.breaks_on_release = False
    assert site.scan(CODE_TEXT, ms=4_000) == GRANTED


# A memory that cannot be written -------------------------------------------------------------------------------------


def test_full_disk_follows_the_policy_for_counters_and_passes(site: Site) -> None:
    """pass_and_flag lets in with a flag, and this process still refuses the copy; deny refuses."""
    site.admit(TAG)
    site.admit(PHONE.credential)
    memory_of(site).broken = True
    assert site.badge(TAG, counter=1) == GRANTED
    assert site.events[-1].flags == (GrantFlag.NOT_JOURNALED,)
    site.pass_lane(ms=500)
    assert site.badge(TAG, counter=1, ms=4_000) == DENIED and site.reason == DenyReason.COUNTER_REPLAYED
    site.rules = SiteRules(replace(POLICY, journal_unwritable=JournalUnwritable.DENY), {})
    assert site.badge(TAG, counter=2, ms=8_000) == DENIED and site.reason == DenyReason.JOURNAL_UNWRITABLE
    assert site.scan(shown(DAY_MS), ms=12_000) == DENIED and site.reason == DenyReason.JOURNAL_UNWRITABLE


def test_full_disk_never_lets_a_single_use_code_in(site: Site) -> None:
    """It would be worth a passage for each restart."""
    site.admit(CODE, single_use=True)
    memory_of(site).broken = True
    assert site.scan(CODE_TEXT) == DENIED and site.reason == DenyReason.JOURNAL_UNWRITABLE


def test_trouble_of_the_memory_is_an_alarm(site: Site) -> None:
    """Told in the first quiet moment."""
    memory_of(site).alarms = ["the file is corrupt"]
    site.attendant.tidy(0)
    (alarm,) = site.events
    assert (alarm.kind, alarm.reason, alarm.detail) == (ALARM, "credential_memory", "the file is corrupt")


# The same card, several readers --------------------------------------------------------------------------------------


def test_card_told_by_two_readers_of_a_lane_is_one_badge(site: Site) -> None:
    """The second telling is no refusal and no release; after the passage it is still the same badge for a while."""
    assert site.badge() == GRANTED
    assert site.badge(reader="lane1-scanner", ms=50) == []
    site.pass_lane(ms=1_000)
    assert site.badge(reader="lane1-scanner", ms=2_000) == []
    assert site.badge(reader="lane1-scanner", ms=3_100) == GRANTED


def test_card_whose_grant_runs_is_no_second_badge_at_the_other_reader(site: Site) -> None:
    """However late; at the reader that told it first it is a second try, and still one grant."""
    site.badge()
    assert site.badge(reader="lane1-scanner", ms=4_900) == []
    assert site.badge(ms=4_950) == [EventKind.REBADGED]


def test_refusal_at_both_readers_is_one_refusal(site: Site) -> None:
    """A stranger's card between two readers is one event."""
    assert site.badge(STRANGER) == DENIED
    assert site.badge(STRANGER, reader="lane1-scanner", ms=80) == []


def test_counter_of_a_repeat_is_still_seen(site: Site) -> None:
    """A copy of what the second reader read is a copy."""
    site.admit(TAG)
    assert site.badge(TAG, counter=1) == GRANTED
    assert site.badge(TAG, counter=2, reader="lane1-scanner", ms=100) == []
    site.pass_lane(ms=500)
    assert site.badge(TAG, counter=2, ms=5_000) == DENIED and site.reason == DenyReason.COUNTER_REPLAYED


def test_two_cards_within_a_tenth_of_a_second(site: Site) -> None:
    """The first has the lane, the second is told that it is busy, at whichever reader."""
    other = Credential.parse("em4100:0102030405")
    site.admit(other)
    assert site.badge() == GRANTED
    assert site.badge(other, ms=50) == DENIED and site.reason == DenyReason.LANE_BUSY
    assert site.badge(other, ms=90, reader="lane1-scanner") == []


def test_card_at_two_doors_is_two_badges(site: Site) -> None:
    """Readers of different doors know nothing of each other."""
    site.admit(ANNE, zones=("gym", "pool"))
    assert site.badge() == GRANTED
    assert site.badge(reader="pool-reader", ms=50) == GRANTED


@pytest.mark.parametrize(
    "break_it",
    [
        lambda site: setattr(site.memory, "counter", lambda name: None),
        lambda site: setattr(site.memory, "commit", lambda facts: None),
    ],
    ids=["asks nothing", "keeps nothing"],
)
def test_counters_need_their_memory(site: Site, break_it: Callable[[Site], None]) -> None:
    """Ablation: without asking or keeping, a copy passes."""
    site.admit(TAG)
    break_it(site)
    site.badge(TAG, counter=1)
    site.pass_lane(ms=500)
    assert site.badge(TAG, counter=1, ms=5_000) == GRANTED


# Evidence ------------------------------------------------------------------------------------------------------------


def test_the_journal_says_what_each_answer_rests_on(site: Site) -> None:
    """Rule, row and revision, as `explain` spells them: for grants, refusals, and what only this gateway knows."""
    site.readers = {"pool-reader": ReaderRules(takes=frozenset({CredentialKind.DESFIRE}))}
    site.rules = SiteRules(POLICY, {}, revision=42)
    site.admit(TAG, single_use=True)
    site.start()
    site.badge()
    site.badge(STRANGER, ms=10)
    assert [event.detail for event in site.events] == ["entitlement @42", "table @42"]
    later(site, 6_000)
    memory_of(site).commit([CodeUsed(credential_hash(TAG, NEW_KEY), 0)])
    assert site.badge(TAG, ms=7_000) == DENIED
    assert (site.reason, site.events[-1].detail) == (DenyReason.CODE_USED, "once entitlement @42")
    assert site.badge(reader="pool-reader", ms=8_000) == DENIED
    assert (site.reason, site.events[-1].detail) == (DenyReason.KIND_NOT_ACCEPTED, "reader")
