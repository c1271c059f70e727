"""What `explain` says, from the door's own decision."""

from dataclasses import replace

from portillon_edge.domain.position import EMPTY, Position
from portillon_edge.explain import Case, Kinds, explain, outcomes
from portillon_edge.words import Words
from portillon_rules.credential import CredentialKind
from portillon_rules.decision import DecisionTime, Denied, DoorView, RowDamaged, SiteRules, TimeQuality
from portillon_rules.door_rule import DoorRule
from portillon_rules.entitlement import ALWAYS, Entitlement, Right, Turn
from portillon_rules.local_facts import LocalFacts
from portillon_rules.policy import AfterLease, SitePolicy
from portillon_rules.presence import Presence
from portillon_rules.reason import DenyReason
from portillon_rules.zone_rule import Strictness, ZoneRule

NOON_MS = 1_764_604_800_000  # 2025-12-01 16:00 UTC, 11:00 in Montreal
HASH = "k1." + "ab" * 32
ROW = Entitlement(
    credential=HASH,
    member="m-42",
    zones=("gym",),
    schedule=ALWAYS,
    valid_from_ms=0,
    valid_until_ms=NOON_MS + 86_400_000,
)
CASE = Case(
    credential_hash=HASH,
    lookup=ROW,
    site=SiteRules(SitePolicy(time_zone="America/Toronto"), {}, revision=42),
    time=DecisionTime(NOON_MS, TimeQuality.CERTAIN, 259_140_000),
    position=Position(1, 42, "00" * 16),
    doors=(DoorView("lane1", "gym"), DoorView("pool", "pool")),
)


def said(case: Case, language: str = "en") -> list[str]:
    return list(explain(case, Words("fr" if language == "fr" else "en")))


def test_each_door_then_the_facts() -> None:
    """Each answer with its rule, row and revision, then who, what time, which lease and which revision."""
    assert said(CASE) == [
        "lane1 (zone gym): GRANTED.",
        "  It rests on: entitlement @42.",
        "pool (zone pool): REFUSED, wrong_zone. The membership does not include this door's zone.",
        "  It rests on: zone entitlement @42.",
        "Credential k1.abababababab… is member m-42, for gym, valid until 2025-12-02 11:00:00,"
        " schedule without closing hours.",
        "It is 2025-12-01 11:00:00 (America/Toronto), certain.",
        "The lease from the cloud runs for another 71 h 59 min.",
        "The members' table is at epoch 1, revision 42.",
    ]


def test_in_french() -> None:
    """The same in French; the reason's code stays the field's own word."""
    lines = said(replace(CASE, lookup=replace(ROW, refusal=DenyReason.DUES_UNPAID, valid_from_ms=2**52)), "fr")
    assert lines[0].startswith("lane1 (zone gym) : REFUSÉ, dues_unpaid. Des cotisations")
    assert lines[1] == "  Cela repose sur : entitlement @42."
    assert lines[5] == "Il est 2025-12-01 11:00:00 (America/Toronto), heure certaine."


def test_flags_are_told() -> None:
    """A grant under special circumstances says which."""
    site = SiteRules(SitePolicy(time_zone="America/Toronto", after_lease=AfterLease.PASS_AND_FLAG), {})
    over = replace(CASE, site=site, time=DecisionTime(NOON_MS, TimeQuality.UNCERTAIN, -7_200_000))
    lines = said(over)
    assert "the lease is over" in lines[1]
    assert "uncertain" in lines[2]
    assert "The lease from the cloud has been over for 2 h 00 min." in lines


def test_gateway_that_never_heard_anything() -> None:
    """An empty gateway says so, and what to look at."""
    empty = replace(
        CASE,
        lookup=None,
        site=SiteRules(None, {}),
        time=DecisionTime(0, TimeQuality.UNKNOWN, 0),
        position=EMPTY,
    )
    assert said(empty) == [
        "lane1 (zone gym): REFUSED, never_synced. The gateway has never received this site's members."
        " Check its connection to the cloud.",
        "  It rests on: table.",
        "pool (zone pool): REFUSED, never_synced. The gateway has never received this site's members."
        " Check its connection to the cloud.",
        "  It rests on: table.",
        "Credential k1.abababababab… has no row here.",
        "The time is unknown: no lease was ever received, or its clock is lost.",
        "The members' table is empty: nothing was received from the cloud yet.",
    ]


def test_damaged_row() -> None:
    """A row that fails its MAC is told apart from a missing one."""
    damaged = replace(CASE, lookup=RowDamaged(HASH))
    assert [outcome for _, outcome in outcomes(damaged)] == [Denied(DenyReason.ROW_DAMAGED)] * 2
    assert "does not fit its check code" in said(damaged)[4]


def reasons(case: Case) -> list[DenyReason | None]:
    return [outcome.reason if isinstance(outcome, Denied) else None for _, outcome in outcomes(case)]


def test_kinds_that_a_door_does_not_take() -> None:
    """What the readers refuse is refused here with the same word; a card that needs its PIN is not let in without."""
    cards = frozenset({CredentialKind.EM4100})
    case = replace(
        CASE,
        lookup=replace(ROW, zones=("gym", "pool")),
        kind=CredentialKind.EM4100,
        kinds={
            "lane1": Kinds(cards, frozenset({CredentialKind.CARD_AND_PIN})),
            "pool": Kinds(frozenset({CredentialKind.DESFIRE}), frozenset({CredentialKind.DESFIRE})),
        },
    )
    assert reasons(case) == [DenyReason.PIN_MISSING, DenyReason.KIND_NOT_ACCEPTED]
    assert reasons(replace(case, kind=CredentialKind.CARD_AND_PIN)) == [None, DenyReason.KIND_NOT_ACCEPTED]
    expired = replace(case, time=replace(CASE.time, business_ms=ROW.valid_until_ms))
    assert reasons(expired) == [DenyReason.EXPIRED, DenyReason.KIND_NOT_ACCEPTED]


def test_hours_at_which_a_card_needs_its_pin() -> None:
    """A card alone is not enough then, and the door's rule is named; with its PIN it is."""
    doors = {"lane1": DoorRule(door="lane1", pin_schedule=ALWAYS)}
    case = replace(CASE, site=replace(CASE.site, doors=doors), kind=CredentialKind.EM4100)
    assert reasons(case)[0] is DenyReason.PIN_MISSING
    assert said(case)[1] == "  It rests on: door_rule door_rule/lane1 @42."
    assert reasons(replace(case, kind=CredentialKind.CARD_AND_PIN))[0] is None


def test_what_the_gateway_knows_by_itself_is_looked_at() -> None:
    """Somebody who is inside by what they passed is told so, as the lane would tell them."""
    zones = {"gym": ZoneRule(zone="gym", passback=Strictness.HARD)}
    case = replace(
        CASE,
        site=replace(CASE.site, zones=zones),
        local={"lane1": LocalFacts(presence=Presence("gym", NOON_MS - 60_000))},
    )
    assert reasons(case)[0] is DenyReason.PASSBACK
    assert reasons(replace(case, local={}))[0] is None


def test_code_that_is_used() -> None:
    """A single-use row that the memory calls used opens nothing any more; another row is not spent by that."""
    assert reasons(replace(CASE, lookup=replace(ROW, single_use=True), spent=True))[0] is DenyReason.CODE_USED
    assert reasons(replace(CASE, lookup=replace(ROW, single_use=True)))[0] is None
    assert reasons(replace(CASE, spent=True))[0] is None


def test_duress_is_told_to_whoever_asks_here() -> None:
    """The technician's screen is not the lane's."""
    assert "  Noted with it: under duress." in said(replace(CASE, lookup=replace(ROW, duress=True)))


def test_several_rights_are_told_with_their_hours_as_they_stand_now() -> None:
    """Each zone beside the hours of its own right; a row that has turned is shown as it stands."""
    row = replace(ROW, zones=("pool",), also=(Right(("gym",), "off-peak"),))
    shown = next(line for line in said(replace(CASE, lookup=row)) if line.startswith("Credential"))
    assert "for pool, gym, valid" in shown and "schedule pool: without closing hours; gym: off-peak." in shown
    turned = replace(row, turns=(Turn(from_ms=NOON_MS, rights=(Right(("spa",)),)),))
    assert "for spa, valid" in "\n".join(said(replace(CASE, lookup=turned)))
