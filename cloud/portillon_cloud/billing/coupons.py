"""Coupons: a code that makes something cost less, for so many cycles, so often, for whom it is meant.

A use is written in the transaction of what it is used for, while the coupon is held: of two who want the last one, one
gets it and the other is told. The database would refuse the second by its number, whatever the code does.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, func, select, update

from portillon_cloud.billing.errors import CatalogueError, CouponRefusedError, UnknownCouponError
from portillon_cloud.billing.offer import Gift
from portillon_cloud.billing.sales_tables import coupon, coupon_use
from portillon_cloud.billing.tables import plan
from portillon_cloud.database.rows import insert_one
from portillon_cloud.money import PPM


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponTerms:
    """What a coupon gives and to whom. `plans` None: all; `valid_until_on`: the last day on which it is taken."""

    gift: Gift
    plans: tuple[int, ...] | None = None
    valid_until_on: datetime.date | None = None
    uses_most: int | None = None
    member_uses_most: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Coupon:
    """A coupon as it is kept. `uses`: how often it was used."""

    id: int
    organisation_id: int
    terms: CouponTerms
    active: bool
    uses: int

    @property
    def gift(self) -> Gift:
        """What it gives."""
        return self.terms.gift


def make_coupon(conn: Connection, organisation_id: int, terms: CouponTerms, *, by: str, now_ms: int) -> int:
    """Offer it from now on; its id. Raises CatalogueError for one that gives nothing, is there, or names no plan."""
    gift = terms.gift
    if not (gift.share_ppm or gift.amount_minor or gift.waives_joining):
        raise CatalogueError("share_percent, amount_minor, waives_joining: a coupon of nothing is none")
    if gift.share_ppm < 0 or gift.share_ppm > PPM or gift.amount_minor < 0:
        raise CatalogueError("share_percent, amount_minor: a coupon makes nothing dearer, and no more than free")
    taken = select(coupon.c.id).where(coupon.c.organisation_id == organisation_id, coupon.c.code == gift.code)
    if conn.scalar(taken) is not None:
        raise CatalogueError(f"code: there is a coupon {gift.code} already; its uses stand, so choose another code")
    if terms.plans is not None:
        known = set(conn.scalars(select(plan.c.id).where(plan.c.organisation_id == organisation_id)))
        if unknown := set(terms.plans) - known:
            raise CatalogueError(f"plans: there is no plan {min(unknown)} in your organisation")
    return insert_one(
        conn,
        coupon,
        organisation_id=organisation_id,
        code=gift.code,
        share_ppm=gift.share_ppm,
        amount_minor=gift.amount_minor,
        cycles=gift.cycles,
        waives_joining=gift.waives_joining,
        plans=None if terms.plans is None else list(terms.plans),
        valid_until_on=terms.valid_until_on,
        uses_most=terms.uses_most,
        member_uses_most=terms.member_uses_most,
        made_at_ms=now_ms,
        made_by=by,
    )


def end_coupon(conn: Connection, organisation_id: int, coupon_id: int) -> None:
    """Take it no more; whoever has used it keeps what it gives. Raises UnknownCouponError."""
    ours = update(coupon).where(coupon.c.id == coupon_id, coupon.c.organisation_id == organisation_id)
    if conn.execute(ours.values(active=False)).rowcount == 0:
        raise UnknownCouponError(f"there is no coupon {coupon_id} in your organisation")


def coupons_of(conn: Connection, organisation_id: int) -> Sequence[Coupon]:
    """All of them, the newest first."""
    return _read(conn, coupon.c.organisation_id == organisation_id)


def look_up(
    conn: Connection, organisation_id: int, code: str, *, plan_id: int, member_id: int, on: datetime.date
) -> Coupon:
    """The coupon, if this member may use it for this plan on that day. Raises CouponRefusedError with the reason."""
    found = _read(conn, coupon.c.organisation_id == organisation_id, coupon.c.code == code)
    if not found:
        raise CouponRefusedError(f"coupon_code: there is no coupon {code}")
    one = found[0]
    terms = one.terms
    if not one.active:
        raise CouponRefusedError(f"coupon_code: {code} is taken no more")
    if terms.valid_until_on is not None and on > terms.valid_until_on:
        raise CouponRefusedError(f"coupon_code: {code} was valid until {terms.valid_until_on}")
    if terms.plans is not None and plan_id not in terms.plans:
        raise CouponRefusedError(f"coupon_code: {code} is not for this plan")
    _require_left(conn, one, member_id)
    return one


def use(conn: Connection, used: Coupon, *, member_id: int, subscription_id: int, by: str, now_ms: int) -> None:
    """Write the use down, once it is known what for. Raises CouponRefusedError if others were first."""
    conn.execute(select(coupon.c.id).where(coupon.c.id == used.id).with_for_update())
    number, member_number = _require_left(conn, used, member_id)
    insert_one(
        conn,
        coupon_use,
        organisation_id=used.organisation_id,
        coupon_id=used.id,
        number=number,
        member_id=member_id,
        member_number=member_number,
        subscription_id=subscription_id,
        used_at_ms=now_ms,
        used_by=by,
    )


def _require_left(conn: Connection, one: Coupon, member_id: int) -> tuple[int, int]:
    """The numbers of the next use, in all and of this member."""
    column, code = coupon_use.c, one.gift.code
    uses = conn.scalar(select(func.count()).where(column.coupon_id == one.id)) or 0
    if one.terms.uses_most is not None and uses >= one.terms.uses_most:
        raise CouponRefusedError(f"coupon_code: {code} was used {uses} times, and is used up")
    own = conn.scalar(select(func.count()).where(column.coupon_id == one.id, column.member_id == member_id)) or 0
    if own >= one.terms.member_uses_most:
        raise CouponRefusedError(f"coupon_code: this member has used {code} {own} times, as often as it may be")
    return uses + 1, own + 1


def _read(conn: Connection, *conditions: ColumnElement[bool]) -> Sequence[Coupon]:
    uses = select(func.count()).where(coupon_use.c.coupon_id == coupon.c.id).scalar_subquery()
    rows = conn.execute(select(coupon, uses.label("uses")).where(*conditions).order_by(coupon.c.id.desc()))
    return [
        Coupon(
            id=row.id,
            organisation_id=row.organisation_id,
            terms=CouponTerms(
                gift=Gift(
                    code=row.code,
                    share_ppm=row.share_ppm,
                    amount_minor=row.amount_minor,
                    cycles=row.cycles,
                    waives_joining=row.waives_joining,
                ),
                plans=None if row.plans is None else tuple(row.plans),
                valid_until_on=row.valid_until_on,
                uses_most=row.uses_most,
                member_uses_most=row.member_uses_most,
            ),
            active=row.active,
            uses=row.uses,
        )
        for row in rows
    ]
