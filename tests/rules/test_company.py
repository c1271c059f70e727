from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_rules.company import Company, judge
from portillon_rules.door_rule import COMPANY_WITHIN_S_MAX, DoorRule
from portillon_rules.entitlement import ALWAYS, Entitlement
from portillon_rules.reason import DenyReason, GrantFlag
from portillon_rules.ruling import Ruling

ROW = Entitlement(
    credential="k1.aa", member="anna", zones=("vault",), schedule=ALWAYS, valid_from_ms=0, valid_until_ms=9_000
)
MINOR = replace(ROW, guardians=("mum", "dad"))
GUEST = replace(ROW, hosts=("bruno",))
VISITOR = replace(ROW, escorted=True)
VAULT = DoorRule(door="vault", two_people=True)
POOL = DoorRule(door="pool", supervisors=("lifeguard",))
NOBODY = Company()


def let_in(*members: str, escorts: bool = False) -> Company:
    return Company(let_in=frozenset(members), escorts=frozenset(members) if escorts else frozenset())


def inside(*members: str) -> Company:
    return Company(inside=frozenset(members))


def reason(row: Entitlement, company: Company, rule: DoorRule | None = None) -> DenyReason | None:
    return judge(row, rule=rule, company=company).reason


def test_a_door_without_a_rule_asks_a_member_for_nobody() -> None:
    """Who needs no company passes alone, and nothing is flagged."""
    assert judge(ROW, rule=None, company=NOBODY) == Ruling("company")


@pytest.mark.parametrize(
    ("row", "rule", "refused", "rests_on"),
    [
        (ROW, POOL, DenyReason.SUPERVISOR_ABSENT, "door_rule/pool"),
        (MINOR, None, DenyReason.GUARDIAN_ABSENT, "entitlement"),
        (GUEST, None, DenyReason.ESCORT_NEEDED, "entitlement"),
        (VISITOR, None, DenyReason.ESCORT_NEEDED, "entitlement"),
        (ROW, VAULT, DenyReason.SECOND_PERSON_NEEDED, "door_rule/vault"),
    ],
)
def test_who_comes_alone_is_told_whom_to_fetch(
    row: Entitlement, rule: DoorRule | None, refused: DenyReason, rests_on: str
) -> None:
    """Each want of company has its own reason, and names the row that asks for it."""
    assert judge(row, rule=rule, company=NOBODY) == Ruling("company", refused, row=rests_on)


@pytest.mark.parametrize("there", [inside("lifeguard"), let_in("lifeguard")])
def test_a_supervisor_opens_the_zone_for_everybody(there: Company) -> None:
    """A supervisor inside, or let in just before, is enough; another member there is not."""
    assert reason(ROW, there, POOL) is None
    assert reason(ROW, inside("bruno"), POOL) is DenyReason.SUPERVISOR_ABSENT


def test_the_supervisor_enters_first_and_alone() -> None:
    """A supervisor waits for no supervisor."""
    assert reason(replace(ROW, member="lifeguard"), NOBODY, POOL) is None


def test_a_door_without_anybody_who_may_supervise_lets_nobody_in() -> None:
    """An empty list of supervisors is not the same as none needed."""
    assert reason(ROW, inside("anna", "bruno"), DoorRule(door="pool", supervisors=())) is DenyReason.SUPERVISOR_ABSENT
    assert reason(ROW, NOBODY, DoorRule(door="pool")) is None


@pytest.mark.parametrize("guardian", ["mum", "dad"])
@pytest.mark.parametrize("where", [inside, let_in])
def test_a_minor_comes_with_any_guardian(where: object, guardian: str) -> None:
    """One guardian is enough, whether inside already or let in just before; a stranger's company is none."""
    assert callable(where)
    assert reason(MINOR, where(guardian)) is None
    assert reason(MINOR, where("bruno")) is DenyReason.GUARDIAN_ABSENT


def test_a_lobby_lets_minors_come_alone() -> None:
    """A door that lets minors come alone asks for no guardian, and still for everything else."""
    lobby = DoorRule(door="lobby", minors_alone=True, two_people=True)
    assert reason(MINOR, NOBODY, lobby) is DenyReason.SECOND_PERSON_NEEDED
    assert reason(MINOR, NOBODY, replace(lobby, two_people=False)) is None
    assert reason(GUEST, NOBODY, lobby) is DenyReason.ESCORT_NEEDED


@pytest.mark.parametrize("where", [inside, let_in])
def test_a_guest_comes_with_their_host(where: object) -> None:
    """With the host there a guest passes, and the grant says that they were escorted."""
    assert callable(where)
    assert judge(GUEST, rule=None, company=where("bruno")) == Ruling("company", flags=(GrantFlag.ESCORTED,))
    assert reason(GUEST, where("carla")) is DenyReason.ESCORT_NEEDED


def test_an_escort_walks_along() -> None:
    """An escort who was let in here leads a visitor; one who is merely inside does not, nor whoever may not escort."""
    assert judge(VISITOR, rule=None, company=let_in("guide", escorts=True)).flags == (GrantFlag.ESCORTED,)
    assert reason(VISITOR, inside("guide")) is DenyReason.ESCORT_NEEDED
    assert reason(VISITOR, let_in("bruno")) is DenyReason.ESCORT_NEEDED


def test_nobody_escorts_themself() -> None:
    """A visitor who may escort others still needs somebody else."""
    assert reason(VISITOR, let_in("anna", escorts=True)) is DenyReason.ESCORT_NEEDED


def test_two_people_open_what_one_cannot() -> None:
    """Another member who waits is the second person; one's own earlier badge is not, nor whoever is inside."""
    assert judge(ROW, rule=VAULT, company=Company(waiting=("bruno",))) == Ruling("company")
    assert reason(ROW, Company(waiting=("anna",)), VAULT) is DenyReason.SECOND_PERSON_NEEDED
    assert reason(ROW, inside("bruno", "carla"), VAULT) is DenyReason.SECOND_PERSON_NEEDED
    assert reason(ROW, let_in("bruno"), VAULT) is DenyReason.SECOND_PERSON_NEEDED


def test_a_visitor_follows_an_escort_who_had_a_second_person() -> None:
    """At a door for two a visitor needs the escort alone: the escort needed a second person before."""
    assert reason(VISITOR, let_in("guide", escorts=True), VAULT) is None
    assert reason(VISITOR, Company(waiting=("guide",)), VAULT) is DenyReason.ESCORT_NEEDED


def test_what_nobody_can_mend_by_fetching_somebody_is_told_first() -> None:
    """Without a supervisor a minor is not sent for a guardian, nor anybody for a second person."""
    strict = replace(POOL, two_people=True)
    assert reason(MINOR, NOBODY, strict) is DenyReason.SUPERVISOR_ABSENT
    assert reason(MINOR, inside("lifeguard"), strict) is DenyReason.GUARDIAN_ABSENT
    assert reason(MINOR, inside("lifeguard", "mum"), strict) is DenyReason.SECOND_PERSON_NEEDED


MEMBERS = st.sampled_from(("anna", "bruno", "mum", "lifeguard"))
RULES = st.none() | st.builds(
    DoorRule,
    door=st.just("vault"),
    pin_schedule=st.none() | st.just("nights"),
    two_people=st.booleans(),
    supervisors=st.none() | st.lists(MEMBERS, unique=True, max_size=2).map(lambda names: tuple(sorted(names))),
    minors_alone=st.booleans(),
    within_s=st.integers(1, COMPANY_WITHIN_S_MAX),
)
ROWS = st.builds(
    replace,
    st.just(ROW),
    escort=st.booleans(),
    escorted=st.booleans(),
    guardians=st.lists(MEMBERS, unique=True, max_size=2).map(lambda names: tuple(sorted(names))),
    hosts=st.lists(MEMBERS, unique=True, max_size=2).map(lambda names: tuple(sorted(names))),
)
COMPANIES = st.builds(
    Company,
    waiting=st.lists(MEMBERS, max_size=3).map(tuple),
    inside=st.frozensets(MEMBERS),
    let_in=st.frozensets(MEMBERS),
    escorts=st.frozensets(MEMBERS),
)


@given(ROWS, RULES, COMPANIES)
def test_nobody_needs_company_to_leave(row: Entitlement, rule: DoorRule | None, company: Company) -> None:
    """Whatever a door asks of whoever enters, it holds nobody back inside."""
    assert judge(row, rule=rule, company=replace(company, entering=False)) == Ruling("company")


@given(ROWS, RULES, COMPANIES, COMPANIES)
def test_more_company_never_shuts_a_door(
    row: Entitlement, rule: DoorRule | None, company: Company, more: Company
) -> None:
    """Who passes in some company passes in that company and more."""
    both = Company(
        waiting=company.waiting + more.waiting,
        inside=company.inside | more.inside,
        let_in=company.let_in | more.let_in,
        escorts=company.escorts | more.escorts,
    )
    if reason(row, company, rule) is None:
        assert reason(row, both, rule) is None


@given(ROWS, RULES)
def test_rows_travel_unchanged(row: Entitlement, rule: DoorRule | None) -> None:
    """What the feed carries of a door's rule and of a member's company comes out as it went in."""
    assert Entitlement.from_body(row.credential, row.to_body()) == row
    if rule is not None:
        assert DoorRule.from_body(rule.door, rule.to_body()) == rule


def test_a_row_that_needs_no_company_stays_the_row_it_was() -> None:
    """Members without guardian, host or escort travel in the very bytes that older gateways and clouds know."""
    assert not {"escort", "escorted", "guardians", "hosts"} & set(ROW.to_body())


@pytest.mark.parametrize("within_s", [0, -1, COMPANY_WITHIN_S_MAX + 1])
def test_a_rule_that_waits_for_ever_is_none(within_s: int) -> None:
    """People wait for each other between a second and ten minutes; anything else is refused by name."""
    with pytest.raises(ValueError, match="within_s is 1 to 600"):
        DoorRule(door="vault", within_s=within_s)
