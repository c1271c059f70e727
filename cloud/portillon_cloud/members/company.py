"""Without whom a member does not pass: the guardians of a minor, the hosts of a guest."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, delete, insert, select

from portillon_cloud import outbox
from portillon_cloud.members.bond import Bond
from portillon_cloud.members.errors import CompanyRefusedError, UnknownMemberError
from portillon_cloud.members.tables import member, member_company

OF_ONE_BOND_MAX = 10
"""Guardians, or hosts, of one member: a row of the feed stays a short one."""


@dataclass(frozen=True, slots=True)
class NeededCompany:
    """Members of whom one must be there; nobody: it is not asked. By id, lowest first."""

    guardians: tuple[int, ...] = ()
    hosts: tuple[int, ...] = ()


NOBODY_NEEDED = NeededCompany()


def set_company(conn: Connection, *, organisation_id: int, member_id: int, needed: NeededCompany) -> None:
    """Say without whom a member does not pass; every gateway knows it within a second.

    Raises UnknownMemberError, or CompanyRefusedError: the message says which company is none.
    """
    bonds = {Bond.GUARDIAN: sorted(set(needed.guardians)), Bond.HOST: sorted(set(needed.hosts))}
    _check(conn, organisation_id, member_id, bonds)
    account_id = conn.execute(select(member.c.account_id).where(member.c.id == member_id)).scalar_one()
    conn.execute(delete(member_company).where(member_company.c.member_id == member_id))
    rows = [
        {"organisation_id": organisation_id, "member_id": member_id, "with_id": with_id, "bond": bond.value}
        for bond, others in bonds.items()
        for with_id in others
    ]
    if rows:
        conn.execute(insert(member_company), rows)
    outbox.account_changed(conn, organisation_id, account_id)


def bind(conn: Connection, *, organisation_id: int, member_id: int, with_id: int, bond: Bond) -> None:
    """One more without whom a member does not pass. Raises as `set_company`."""
    needed = _asked_until_now(conn, organisation_id, member_id)
    if bond is Bond.GUARDIAN:
        needed = replace(needed, guardians=(*needed.guardians, with_id))
    else:
        needed = replace(needed, hosts=(*needed.hosts, with_id))
    set_company(conn, organisation_id=organisation_id, member_id=member_id, needed=needed)


def unbind(conn: Connection, *, organisation_id: int, member_id: int, with_id: int, bond: Bond) -> None:
    """This one is not needed any more. Raises UnknownMemberError."""
    needed = _asked_until_now(conn, organisation_id, member_id)
    left = NeededCompany(
        guardians=tuple(one for one in needed.guardians if (bond, one) != (Bond.GUARDIAN, with_id)),
        hosts=tuple(one for one in needed.hosts if (bond, one) != (Bond.HOST, with_id)),
    )
    set_company(conn, organisation_id=organisation_id, member_id=member_id, needed=left)


def company_of(conn: Connection, member_ids: Sequence[int]) -> dict[int, NeededCompany]:
    """Whom these members need, in one query; who needs nobody is not in it."""
    found: defaultdict[int, dict[Bond, list[int]]] = defaultdict(lambda: {bond: [] for bond in Bond})
    rows = conn.execute(
        select(member_company.c.member_id, member_company.c.with_id, member_company.c.bond)
        .where(member_company.c.member_id.in_(member_ids))
        .order_by(member_company.c.with_id)
    )
    for row in rows:
        found[row.member_id][Bond(row.bond)].append(row.with_id)
    return {
        member_id: NeededCompany(tuple(bonds[Bond.GUARDIAN]), tuple(bonds[Bond.HOST]))
        for member_id, bonds in found.items()
    }


def _asked_until_now(conn: Connection, organisation_id: int, member_id: int) -> NeededCompany:
    _require_known(conn, organisation_id, {member_id})
    return company_of(conn, [member_id]).get(member_id, NOBODY_NEEDED)


def _require_known(conn: Connection, organisation_id: int, asked: set[int]) -> None:
    known = set(
        conn.execute(
            select(member.c.id).where(member.c.organisation_id == organisation_id, member.c.id.in_(asked))
        ).scalars()
    )
    for one in sorted(asked - known):
        raise UnknownMemberError(f"organisation {organisation_id} has no member {one}")


def _check(conn: Connection, organisation_id: int, member_id: int, bonds: dict[Bond, list[int]]) -> None:
    _require_known(conn, organisation_id, {member_id}.union(*bonds.values()))
    for bond, others in bonds.items():
        if member_id in others:
            raise CompanyRefusedError(f"nobody is their own {bond}: name another member")
        if len(others) > OF_ONE_BOND_MAX:
            raise CompanyRefusedError(f"{len(others)} of bond {bond!r}: name {OF_ONE_BOND_MAX} at most")
    minors = conn.execute(
        select(member_company.c.member_id)
        .where(member_company.c.bond == Bond.GUARDIAN, member_company.c.member_id.in_(bonds[Bond.GUARDIAN]))
        .order_by(member_company.c.member_id)
    ).scalars()
    for minor in minors:
        raise CompanyRefusedError(f"member {minor} needs a guardian too, and is none: name an adult")
    if bonds[Bond.GUARDIAN]:
        ward = conn.execute(
            select(member_company.c.member_id).where(
                member_company.c.bond == Bond.GUARDIAN, member_company.c.with_id == member_id
            )
        ).first()
        if ward is not None:
            raise CompanyRefusedError(f"member {member_id} is a guardian, and needs none: end that first")
