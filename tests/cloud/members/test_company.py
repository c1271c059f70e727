"""Minors and their guardians, guests and their hosts: kept, checked, and in the rows that gateways take."""

import datetime

import pytest
from cloud.gym import Gym
from portillon_cloud.access.operations import rows_for_accounts
from portillon_cloud.members.bond import Bond
from portillon_cloud.members.company import (
    NOBODY_NEEDED,
    OF_ONE_BOND_MAX,
    NeededCompany,
    bind,
    company_of,
    set_company,
    unbind,
)
from portillon_cloud.members.errors import CompanyRefusedError, UnknownMemberError
from portillon_cloud.members.operations import DoorRights, add_credential, set_door_rights
from portillon_rules.credential import Credential, CredentialKind
from portillon_rules.entitlement import Entitlement

STARTS = datetime.date(2026, 1, 1)


def join(gym: Gym, *names: str) -> list[int]:
    return [gym.join(name, starts_on=STARTS).member_id for name in names]


def needs(gym: Gym, member_id: int, **needed: tuple[int, ...]) -> None:
    with gym.db.write() as conn:
        set_company(conn, organisation_id=gym.organisation_id, member_id=member_id, needed=NeededCompany(**needed))


def needed_by(gym: Gym, member_id: int) -> NeededCompany:
    with gym.db.read() as conn:
        return company_of(conn, [member_id]).get(member_id, NOBODY_NEEDED)


def test_company_is_named_in_the_row_that_the_gateway_takes(gym: Gym) -> None:
    """Guardians, hosts and escorts travel with each card of whoever needs them."""
    child = gym.join("Zoé Roy", starts_on=STARTS)
    mum, host = join(gym, "Anne Roy", "Luc Gagnon")
    needs(gym, child.member_id, guardians=(mum,), hosts=(host,))
    rights = DoorRights(escorted=True, escort=True)
    with gym.db.write() as conn:
        set_door_rights(conn, organisation_id=gym.organisation_id, member_id=child.member_id, rights=rights)
        add_credential(
            conn,
            gym.keyring,
            organisation_id=gym.organisation_id,
            member_id=child.member_id,
            presented=Credential(CredentialKind.EM4100, "0000A1B2C3"),
            now_ms=gym.clock.real_ms(),
            by="Ana",
        )
        (change,) = rows_for_accounts(
            conn,
            gym.keyring,
            site_id=gym.site_id,
            account_ids=[child.account_id],
            now_ms=gym.clock.real_ms(),
        )[child.account_id]
    assert change.body is not None
    row = Entitlement.from_body(change.key, change.body)
    assert (row.guardians, row.hosts, row.escort, row.escorted) == ((str(mum),), (str(host),), True, True)


def test_one_more_and_one_less(gym: Gym) -> None:
    """Bound twice is bound once; with the last one gone the member passes alone; the other bond stays."""
    child, mum, dad = join(gym, "Zoé Roy", "Anne Roy", "Jean Roy")

    def step(do: object, with_id: int, bond: Bond) -> NeededCompany:
        assert callable(do)
        with gym.db.write() as conn:
            do(conn, organisation_id=gym.organisation_id, member_id=child, with_id=with_id, bond=bond)
        return needed_by(gym, child)

    assert step(bind, mum, Bond.GUARDIAN) == step(bind, mum, Bond.GUARDIAN) == NeededCompany(guardians=(mum,))
    assert step(bind, dad, Bond.HOST) == NeededCompany((mum,), (dad,))
    assert step(unbind, dad, Bond.GUARDIAN) == NeededCompany((mum,), (dad,))
    assert step(unbind, mum, Bond.GUARDIAN) == NeededCompany(hosts=(dad,))
    assert step(unbind, dad, Bond.HOST) == NOBODY_NEEDED


def test_company_that_would_be_none_is_refused(gym: Gym) -> None:
    """Oneself, another minor, or more than a row holds; a guardian does not become a minor; nothing is changed then."""
    child, mum, other, *crowd = join(gym, "Zoé R", "Anne R", "Léa B", *(f"P{n} X" for n in range(OF_ONE_BOND_MAX)))
    needs(gym, child, guardians=(mum,))
    for member_id, needed, why in (
        (child, {"guardians": (child,)}, "their own guardian"),
        (other, {"hosts": (other,)}, "their own host"),
        (other, {"guardians": (child,)}, "needs a guardian too"),
        (mum, {"guardians": (other,)}, "is a guardian"),
        (child, {"guardians": (*crowd, mum)}, "10 at most"),
    ):
        with pytest.raises(CompanyRefusedError, match=why):
            needs(gym, member_id, **needed)
    assert needed_by(gym, child) == NeededCompany(guardians=(mum,))
    assert needed_by(gym, other) == needed_by(gym, mum) == NOBODY_NEEDED


def test_nobody_is_bound_to_a_neighbours_member(gym: Gym) -> None:
    """Who is not of the organisation is not there, on either side of the bond."""
    child, mum = join(gym, "Zoé Roy", "Anne Roy")
    with pytest.raises(UnknownMemberError, match="999"):
        needs(gym, child, guardians=(999,))
    with gym.db.write() as conn, pytest.raises(UnknownMemberError):
        set_company(
            conn,
            organisation_id=gym.organisation_id + 1,
            member_id=child,
            needed=NeededCompany(guardians=(mum,)),
        )
