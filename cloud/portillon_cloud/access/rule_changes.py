"""Who changed by what doors and plans go: written with the change itself, never afterwards."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, or_, select

from portillon_cloud.access.rule_kinds import RuleKind
from portillon_cloud.access.tables import rule_change
from portillon_cloud.clock import business_now_ms
from portillon_cloud.identity.principal import Principal
from portillon_cloud.members.tables import site


@dataclass(frozen=True, slots=True, kw_only=True)
class Changer:
    """Who changes a rule, and when (machine time). What sets a gym up before anybody works there has none."""

    who: Principal
    real_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChange:
    """One change. `was` None: it is new; `becomes` None: it is gone. `at_ms` is business time."""

    kind: RuleKind
    name: str
    site: str | None
    was: Any
    becomes: Any
    changed_by: str
    at_ms: int


def note_change(
    conn: Connection,
    changer: Changer | None,
    kind: RuleKind,
    name: str,
    *,
    organisation_id: int,
    site_id: int | None = None,
    was: Any,
    becomes: Any,
) -> None:
    """Write down what was changed, in the transaction that changed it; what stayed the same is no change."""
    was, becomes = _json(was), _json(becomes)  # as they are read back: lists, no tuples
    if changer is None or was == becomes:
        return
    conn.execute(
        insert(rule_change).values(
            organisation_id=organisation_id,
            site_id=site_id,
            kind=kind.value,
            name=name,
            was=was,
            becomes=becomes,
            at_ms=business_now_ms(conn, organisation_id, changer.real_ms),
            at_real_ms=changer.real_ms,
            changed_by=changer.who.name,
            changed_by_id=changer.who.staff_id,
        )
    )


def rule_changes(
    conn: Connection, organisation_id: int, *, site_id: int | None = None, plans: bool = True, limit: int
) -> Sequence[RuleChange]:
    """The latest, newest first: of the organisation, or of one site. `plans`: with plans and prices, of no one site."""
    change = rule_change.c
    wanted = [change.organisation_id == organisation_id]
    if site_id is not None:
        wanted.append(or_(change.site_id == site_id, change.site_id.is_(None)))
    if not plans:
        wanted.append(change.site_id.is_not(None))
    rows = conn.execute(
        select(rule_change, site.c.name.label("site"))
        .outerjoin(site, site.c.id == change.site_id)
        .where(*wanted)
        .order_by(change.id.desc())
        .limit(limit)
    )
    return [
        RuleChange(
            kind=RuleKind(row.kind),
            name=row.name,
            site=row.site,
            was=row.was,
            becomes=row.becomes,
            changed_by=row.changed_by,
            at_ms=row.at_ms,
        )
        for row in rows
    ]


def _json(value: Any) -> Any:
    return json.loads(json.dumps(value))
