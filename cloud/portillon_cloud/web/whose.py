"""Of whom alone a list tells, where its address names an account."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Query
from sqlalchemy import Connection, select

from portillon_cloud.http.paging import ID_MAX
from portillon_cloud.http.problem import not_found
from portillon_cloud.members.tables import account

OfAccount = Annotated[int | None, Query(alias="account", ge=1, le=ID_MAX)]
"""The account that an address names, if it names one."""


@dataclass(frozen=True, slots=True)
class Whose:
    """Who pays."""

    id: int
    name: str


def whose(conn: Connection, organisation_id: int, account_id: int | None) -> Whose | None:
    """The account of that number; None: of everybody. Raises Problem 404 for one of nobody here."""
    if account_id is None:
        return None
    name = conn.scalar(
        select(account.c.name).where(account.c.organisation_id == organisation_id, account.c.id == account_id)
    )
    if name is None:
        raise not_found("account")
    return Whose(account_id, name)
