from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_edge.domain.events import Way
from portillon_edge.doors import company_watch
from portillon_edge.doors.company_watch import AT_ONE_DOOR_MAX, NS_PER_S, CompanyWatch
from portillon_rules.company import judge
from portillon_rules.decision import Denied, Granted
from portillon_rules.door_rule import COMPANY_WITHIN_S, DoorRule
from portillon_rules.entitlement import ALWAYS, Entitlement
from portillon_rules.reason import DenyReason

VAULT = DoorRule(door="vault", two_people=True, within_s=20)
LOBBY = DoorRule(door="lobby", within_s=20)


class Gateway:
    """The watch as admission uses it: asked before each decision, told what came of it."""

    def __init__(self) -> None:
        self.watch = CompanyWatch()

    def badge(
        self, row: Entitlement, at_s: float, *, rule: DoorRule | None = VAULT, door: str = "vault", way: Way = Way.ENTRY
    ) -> Granted | Denied:
        now_ns = int(at_s * NS_PER_S)
        company = self.watch.company(row.member, door=door, way=way, rule=rule, now_ns=now_ns)
        ruling = judge(row, rule=rule, company=company)
        outcome = Granted(row.member) if ruling.reason is None else Denied(ruling.reason, row.member)
        self.watch.answered(row, outcome, door=door, way=way, rule=rule, now_ns=now_ns)
        return outcome


def member(name: str, **more: object) -> Entitlement:
    return replace(
        Entitlement(
            credential=f"k1.{name}", member=name, zones=("z",), schedule=ALWAYS, valid_from_ms=0, valid_until_ms=9
        ),
        **more,  # type: ignore[arg-type]
    )


ANNA, BRUNO, CARLA, DORA = (member(name) for name in ("anna", "bruno", "carla", "dora"))
GUIDE = member("guide", escort=True)
VISITOR = member("visitor", escorted=True)
CHILD = member("child", guardians=("anna",))
ALONE = DenyReason.SECOND_PERSON_NEEDED


def test_the_second_of_two_opens_and_the_first_follows() -> None:
    """The first badge waits, the second is let in, and the first, who badges again, too."""
    gateway = Gateway()
    assert gateway.badge(ANNA, 0) == Denied(ALONE, "anna")
    assert gateway.badge(BRUNO, 5) == Granted("bruno")
    assert gateway.badge(ANNA, 10) == Granted("anna")


def test_who_waited_too_long_is_nobodys_second_person() -> None:
    """At the last instant of the door's delay a badge counts; at its end it does not."""
    in_time, late = Gateway(), Gateway()
    for gateway in (in_time, late):
        gateway.badge(ANNA, 0)
    assert in_time.badge(BRUNO, 19.999) == Granted("bruno")
    assert late.badge(BRUNO, 20) == Denied(ALONE, "bruno")


def test_one_member_is_not_two_people() -> None:
    """However often one member badges, with whichever card, a door for two stays shut."""
    gateway = Gateway()
    for at_s in range(10):
        assert gateway.badge(replace(ANNA, credential=f"k1.{at_s}"), at_s) == Denied(ALONE, "anna")


def test_a_pair_is_nobody_elses_company() -> None:
    """Once two have paired a third waits for a fourth, though both badged a moment ago."""
    gateway = Gateway()
    gateway.badge(ANNA, 0)
    gateway.badge(BRUNO, 1)
    assert gateway.badge(CARLA, 2) == Denied(ALONE, "carla")
    assert gateway.badge(DORA, 3) == Granted("dora")
    assert gateway.badge(ANNA, 4) == Granted("anna")


def test_whoever_waited_longest_is_paired_first() -> None:
    """Of two who wait separately the earlier one follows; the other still needs somebody."""
    gateway = Gateway()
    gateway.badge(ANNA, 0)
    # Two who badge at a busy door at once are both refused; the watch is only told.
    gateway.watch.answered(BRUNO, Denied(ALONE, "bruno"), door="vault", way=Way.ENTRY, rule=VAULT, now_ns=1)
    assert gateway.badge(CARLA, 2) == Granted("carla")
    assert gateway.badge(BRUNO, 3) == Denied(ALONE, "bruno")
    assert gateway.badge(ANNA, 4) == Granted("anna")


def test_two_doors_know_nothing_of_each_other() -> None:
    """Who waits at one door is no company at another."""
    gateway = Gateway()
    gateway.badge(ANNA, 0)
    assert gateway.badge(BRUNO, 1, rule=replace(VAULT, door="cellar"), door="cellar") == Denied(ALONE, "bruno")


def test_a_grant_on_which_nobody_passed_gives_the_partner_back() -> None:
    """If the second one turns away the first waits again, and does not get in on a company that left."""
    gateway = Gateway()
    gateway.badge(ANNA, 0)
    gateway.badge(BRUNO, 1)
    gateway.watch.not_used("bruno", door="vault")
    assert gateway.badge(ANNA, 2) == Denied(ALONE, "anna")
    assert gateway.badge(CARLA, 3) == Granted("carla")


def test_a_partner_who_is_forgotten_binds_nobody() -> None:
    """Who comes back after their pair is long over waits, and pairs, as anybody else."""
    gateway = Gateway()
    gateway.badge(ANNA, 0)
    gateway.badge(BRUNO, 1)
    gateway.badge(ANNA, 15)
    assert gateway.badge(ANNA, 25) == Denied(ALONE, "anna")
    assert gateway.badge(CARLA, 26) == Granted("carla")


def test_an_escort_leads_a_visitor_in() -> None:
    """The visitor waits until an escort was let in here, and not for long after."""
    gateway = Gateway()
    assert gateway.badge(VISITOR, 0, rule=LOBBY) == Denied(DenyReason.ESCORT_NEEDED, "visitor")
    gateway.badge(ANNA, 1, rule=LOBBY)
    assert gateway.badge(VISITOR, 2, rule=LOBBY) == Denied(DenyReason.ESCORT_NEEDED, "visitor")
    gateway.badge(GUIDE, 3, rule=LOBBY)
    assert gateway.badge(VISITOR, 4, rule=LOBBY) == Granted("visitor")
    assert gateway.badge(VISITOR, 23, rule=LOBBY) == Denied(DenyReason.ESCORT_NEEDED, "visitor")


def test_an_escort_who_turned_away_leads_nobody() -> None:
    """A grant on which the escort did not pass is no escort."""
    gateway = Gateway()
    gateway.badge(GUIDE, 0, rule=LOBBY)
    gateway.watch.not_used("guide", door="vault")
    assert gateway.badge(VISITOR, 1, rule=LOBBY) == Denied(DenyReason.ESCORT_NEEDED, "visitor")


def test_a_visitor_is_nobodys_second_person() -> None:
    """At a door for two the visitor follows an escort who had a second person, and opens for nobody else."""
    gateway = Gateway()
    assert gateway.badge(GUIDE, 0) == Denied(ALONE, "guide")
    assert gateway.badge(VISITOR, 1) == Denied(DenyReason.ESCORT_NEEDED, "visitor")
    assert gateway.badge(ANNA, 2) == Granted("anna")
    assert gateway.badge(GUIDE, 3) == Granted("guide")
    assert gateway.badge(VISITOR, 4) == Granted("visitor")
    assert gateway.badge(BRUNO, 5) == Denied(ALONE, "bruno")
    assert gateway.badge(CARLA, 6) == Granted("carla")


def test_a_guardian_goes_first() -> None:
    """A child follows a guardian who was let in at this door just before; a door without a rule waits 30 s."""
    gateway = Gateway()
    assert gateway.badge(CHILD, 0, rule=None) == Denied(DenyReason.GUARDIAN_ABSENT, "child")
    gateway.badge(ANNA, 1, rule=None)
    assert gateway.badge(CHILD, 1 + COMPANY_WITHIN_S - 0.001, rule=None) == Granted("child")
    assert gateway.badge(CHILD, 1 + COMPANY_WITHIN_S, rule=None) == Denied(DenyReason.GUARDIAN_ABSENT, "child")


def test_who_leaves_is_no_company() -> None:
    """A card at the way out lets its holder leave alone, and nobody enters on it."""
    gateway = Gateway()
    assert gateway.badge(ANNA, 0, way=Way.EXIT) == Granted("anna")
    assert gateway.badge(CHILD, 1, rule=LOBBY) == Denied(DenyReason.GUARDIAN_ABSENT, "child")


def test_who_was_refused_for_another_reason_waits_for_nobody() -> None:
    """A card that opens nothing here is nobody's second person."""
    gateway = Gateway()
    refused = Denied(DenyReason.DUES_UNPAID, "anna")
    gateway.watch.answered(ANNA, refused, door="vault", way=Way.ENTRY, rule=VAULT, now_ns=0)
    assert gateway.badge(BRUNO, 1) == Denied(ALONE, "bruno")


def test_a_crowd_at_one_door_is_bounded() -> None:
    """Beyond the most that are kept the oldest badge is forgotten, never the newest."""
    gateway = Gateway()
    for index in range(AT_ONE_DOOR_MAX + 1):
        gateway.badge(member(f"m{index}"), index / 1_000, rule=LOBBY)
    first, last = member("c1", guardians=("m0",)), member("c2", guardians=(f"m{AT_ONE_DOOR_MAX}",))
    assert gateway.badge(first, 1, rule=LOBBY) == Denied(DenyReason.GUARDIAN_ABSENT, "c1")
    assert gateway.badge(last, 1, rule=LOBBY) == Granted("c2")


BADGES = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 15), st.booleans()), max_size=40)


def lone_entry(badges: list[tuple[str, int, bool]]) -> tuple[str, int] | None:
    """Who was let in through a door for two without a badge of somebody else within its delay that is their own."""
    gateway, at_s = Gateway(), 0
    badged: list[tuple[str, int]] = []
    for name, later_s, passes in badges:
        at_s += later_s
        outcome = gateway.badge(member(name), at_s)
        if isinstance(outcome, Granted):
            with_them = {other for other, when in badged if other != name and at_s - when < 2 * VAULT.within_s}
            if not with_them:
                return name, at_s
            if not passes:
                gateway.watch.not_used(name, door="vault")
        badged.append((name, at_s))
    return None


@given(BADGES)
def test_nobody_is_ever_let_in_alone(badges: list[tuple[str, int, bool]]) -> None:
    """Whatever the order of badges, every entry has another member's badge at that door before it."""
    assert lone_entry(badges) is None


def test_without_the_partner_check_somebody_enters_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ablation: if anybody who was let in counted as waiting, a third would enter on a pair's badges."""
    monkeypatch.setattr(company_watch, "_waits_for", lambda _badge, _member: True)
    with pytest.raises(AssertionError):
        test_a_pair_is_nobody_elses_company()


def test_without_the_delay_a_badge_of_yesterday_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ablation: if badges were kept, who left long ago would be somebody's second person."""
    monkeypatch.setattr(company_watch, "NS_PER_S", NS_PER_S * 86_400)
    with pytest.raises(AssertionError):
        test_who_waited_too_long_is_nobodys_second_person()
