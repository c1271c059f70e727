"""Rights that staff give, and plans of several sites: what each gateway is told, and what dues do not touch."""

import pytest
from dues_gym import DuesGym, at
from portillon_cloud.access.blocks import BlockReason
from portillon_cloud.access.errors import (
    GivenRightError,
    UnknownGivenRightError,
    UnknownSiteError,
)
from portillon_cloud.access.facts import GivenRole
from portillon_cloud.access.given import end_right, give_right, rights_of
from portillon_cloud.access.operations import put_block, rows_for_accounts, set_site_policy
from portillon_cloud.access.sites import ALL_SITES, Sites
from portillon_cloud.billing.operations import create_plan
from portillon_cloud.billing.tables import plan
from portillon_cloud.members.errors import UnknownMemberError
from portillon_cloud.members.operations import create_site
from portillon_rules.entitlement import Entitlement, Right
from portillon_rules.policy import SitePolicy
from portillon_rules.reason import DenyReason
from sqlalchemy import update

GIVEN = {"role": GivenRole.CLEANER, "zones": ("gym",), "given_by": "Ana", "reason": "cleans at night"}


def second_site(gym: DuesGym) -> int:
    """Another gym of the same organisation."""
    with gym.db.write() as conn:
        return create_site(
            conn,
            gym.keyring,
            organisation_id=gym.organisation_id,
            legal_entity_id=gym.legal_entity_id,
            name="Second",
            time_zone="America/Toronto",
            language="en",
        )


def rows(gym: DuesGym, account_id: int, now_ms: int, site_id: int | None = None) -> list[Entitlement]:
    """What the gateways of a site are told of the account."""
    with gym.db.read() as conn:
        found = rows_for_accounts(
            conn, gym.keyring, site_id=site_id or gym.site_id, account_ids=[account_id], now_ms=now_ms
        )
    return [Entitlement.from_body(row.key, row.body or {}) for row in found[account_id]]


def give(gym: DuesGym, member_id: int, **changes: object) -> int:
    """A right from day 0, as GIVEN but for `changes`."""
    asked: dict[str, object] = {**GIVEN, "from_ms": at(0), **changes}
    with gym.db.write() as conn:
        return give_right(conn, organisation_id=gym.organisation_id, member_id=member_id, **asked)  # type: ignore[arg-type]


def test_dues_do_not_touch_what_staff_gave_and_a_ban_does(gym: DuesGym) -> None:
    """The cleaner's account may be months late; the cleaner who was banned stays out."""
    payer = gym.payer()
    gym.owe(payer)
    give(gym, payer.member_id, until_ms=at(90))
    (row,) = rows(gym, payer.account_id, at(60))
    assert (row.refusal, row.staff, row.valid_until_ms) == (None, True, at(90))
    with gym.db.write() as conn:
        put_block(
            conn,
            organisation_id=gym.organisation_id,
            account_id=payer.account_id,
            reason=BlockReason.BANNED,
            source="staff",
            from_ms=at(60),
        )
    assert rows(gym, payer.account_id, at(61))[0].refusal is DenyReason.BLOCKED


def test_who_was_given_a_complimentary_right_is_not_staff(gym: DuesGym) -> None:
    """It opens, and ends with the lease like a membership."""
    payer = gym.payer()
    give(gym, payer.member_id, role=GivenRole.COMPLIMENTARY)
    assert not rows(gym, payer.account_id, at(1))[0].staff


def test_a_right_ends_when_somebody_ends_it_and_says_who(gym: DuesGym) -> None:
    """From that instant the row refuses; the right stays readable with who gave and who ended it."""
    payer = gym.payer()
    gym.owe(payer)
    right_id = give(gym, payer.member_id)
    ended = {"organisation_id": gym.organisation_id, "member_id": payer.member_id, "right_id": right_id}
    with gym.db.write() as conn:
        end_right(conn, ended_by="Bo", at_ms=at(20), **ended)
    assert rows(gym, payer.account_id, at(20))[0].refusal is DenyReason.DUES_UNPAID
    with gym.db.read() as conn:
        (kept,) = rights_of(conn, gym.organisation_id, payer.member_id)
    assert (kept.given_by, kept.ended_by, kept.reason, kept.until_ms) == ("Ana", "Bo", "cleans at night", at(20))
    with pytest.raises(UnknownGivenRightError), gym.db.write() as conn:
        end_right(conn, ended_by="Bo", at_ms=at(21), **ended)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"zones": ()}, GivenRightError),
        ({"zones": ("moon",)}, GivenRightError),
        ({"schedule": "nights"}, GivenRightError),
        ({"reason": "  "}, GivenRightError),
        ({"until_ms": at(0)}, GivenRightError),
        ({"sites": (999,)}, UnknownSiteError),
        ({"sites": ()}, UnknownSiteError),
        ({"organisation_id": 999}, UnknownMemberError),
    ],
)
def test_a_right_that_nobody_could_use_or_explain_is_refused(
    gym: DuesGym, changes: dict[str, object], error: type[Exception]
) -> None:
    """No such zone, schedule or site, no reason given, over before it begins."""
    payer = gym.payer()
    asked: dict[str, object] = {
        **GIVEN,
        "from_ms": at(0),
        "organisation_id": gym.organisation_id,
        "member_id": payer.member_id,
        **changes,
    }
    with pytest.raises(error), gym.db.write() as conn:
        give_right(conn, **asked)  # type: ignore[arg-type]


@pytest.mark.parametrize(("sites", "elsewhere"), [(None, False), (ALL_SITES, True), ("second", True), ("first", False)])
def test_a_plan_opens_the_sites_that_it_names(gym: DuesGym, sites: Sites, elsewhere: bool) -> None:
    """Where it does not hold no row goes, and at home there is always one, to say why."""
    payer, other = gym.payer(), second_site(gym)
    named = {"second": (other,), "first": (gym.site_id,)}.get(str(sites), sites)
    with gym.db.write() as conn:
        conn.execute(update(plan).values(sites=list(named) if isinstance(named, tuple) else named))
    assert len(rows(gym, payer.account_id, at(-5), other)) == (1 if elsewhere else 0)
    home = rows(gym, payer.account_id, at(-5))[0]
    assert home.refusal is (DenyReason.NO_MEMBERSHIP if sites == "second" else None)


def test_a_right_elsewhere_brings_that_right_alone(gym: DuesGym) -> None:
    """A technician of all sites: home also has what they bought, the other site what they were given."""
    payer, other = gym.payer(), second_site(gym)
    give(gym, payer.member_id, role=GivenRole.TECHNICIAN, sites=(other,))
    (away,) = rows(gym, payer.account_id, at(1), other)
    (home,) = rows(gym, payer.account_id, at(1))
    assert (away.staff, away.rights) == (True, (Right(("gym",)),))
    assert not home.staff
    assert away.credential != home.credential


def test_a_plan_of_sites_that_are_not_ours_is_refused(gym: DuesGym) -> None:
    """Nothing is sold at another organisation's gym."""
    with pytest.raises(UnknownSiteError), gym.db.write() as conn:
        create_plan(
            conn,
            organisation_id=gym.organisation_id,
            legal_entity_id=gym.legal_entity_id,
            code="far",
            name="Far",
            sites=(gym.site_id, 999),
        )


def test_a_lenient_site_refuses_later_and_marks_it(gym: DuesGym) -> None:
    """At that site alone the refusal begins so many hours later; until then the row says since when it is grace."""
    payer, other = gym.payer(), second_site(gym)
    gym.owe(payer)
    with gym.db.write() as conn:
        conn.execute(update(plan).values(sites=ALL_SITES))
        policy = SitePolicy(time_zone="America/Toronto", lenient_hours={DenyReason.DUES_UNPAID: 48})
        set_site_policy(conn, other, policy)
    (strict,), (lenient,) = (rows(gym, payer.account_id, at(1), site) for site in (gym.site_id, other))
    assert (strict.valid_until_ms, lenient.valid_until_ms) == (at(10), at(10) + 48 * 3_600_000)
    assert strict.grace_from_ms == lenient.grace_from_ms == at(0)
