"""Who brought whom, and what they get for it: noted at the desk, rewarded by itself, the reward set by an owner."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection, func, select

from portillon_cloud.billing.errors import ReferralRefusedError
from portillon_cloud.billing.referrals import (
    ReferralWhy,
    Reward,
    give_reward,
    note,
    referrals_of,
    reward_of,
    set_reward,
)
from portillon_cloud.billing.sales_tables import referral
from portillon_cloud.clock.local import local_date
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import ID_MAX, PathId
from portillon_cloud.http.services import Services
from portillon_cloud.identity.roles import Permission
from portillon_cloud.members.tables import member
from portillon_cloud.money import PPM, Money
from portillon_cloud.reports.book import book_of
from portillon_cloud.reports.member_list import member_list
from portillon_cloud.web.amount import AmountError, amount_minor, amount_text
from portillon_cloud.web.referral_words import WHYS, ReferralWords
from portillon_cloud.web.rendering import Notice, page
from portillon_cloud.web.visit import Visit, genuine_form, visit_with
from portillon_cloud.web.wording import N_

router = APIRouter()
Reader = Annotated[Visit, Depends(visit_with(Permission.SEE_MONEY))]
Clerk = Annotated[Visit, Depends(visit_with(Permission.CHANGE_MEMBERS))]
Owner = Annotated[Visit, Depends(visit_with(Permission.SET_RULES))]
MemberId = Annotated[int, Form(ge=1, le=ID_MAX)]
Search = Annotated[str, Query(max_length=100)]
PER_PAGE, FOUND_MOST = 50, 20
PERIODS_MOST = 24
_PPM_PER_PERCENT = PPM // 100

DONE = {
    "noted": N_("Noted. The reward follows by itself once their first invoice is paid."),
    "given": N_("Given. The next invoices say so."),
    "set": N_("Noted. It holds from now on, for those that wait too."),
}
WRONG = N_("Nothing was changed: a reward is a share up to 100, an amount, or both, for 1 to %(most)s periods.")
NOBODY = N_("No member is called so. Try a part of the name, the e-mail or the number of a card.")


@router.get("/referrals")
def referrals_page(
    services: ServicesDep,
    reader: Reader,
    new: Search = "",
    by: Search = "",
    p: Annotated[int, Query(ge=1, le=100_000)] = 1,
    done: Annotated[str, Query(pattern="^(noted|given|set)?$")] = "",
) -> Response:
    """Everybody who was brought, the newest first; with `new` and `by`, members to choose from."""
    notice = Notice("ok", reader.words.say(DONE[done])) if done else None
    return _draw(services, reader, number=p, searched=(new.strip(), by.strip()), notice=notice)


@router.post("/referrals", dependencies=[Depends(genuine_form)])
def note_form(services: ServicesDep, clerk: Clerk, referrer_id: MemberId, referred_id: MemberId) -> Response:
    """Write down who brought whom; or say why that cannot be."""
    try:
        with services.db.write() as conn:
            note(
                conn,
                organisation_id=clerk.organisation.id,
                referrer_id=referrer_id,
                referred_id=referred_id,
                by=clerk.principal.name,
                now_ms=clerk.organisation.clock.business_ms,
            )
    except ReferralRefusedError as refused:
        return _refused(services, clerk, refused)
    return RedirectResponse("/referrals?done=noted", 303)


@router.get("/referrals/reward")
def reward_page(_reader: Reader) -> Response:
    """Where the language is changed after a refusal: the form is on the page of referrals."""
    return RedirectResponse("/referrals", 303)


@router.post("/referrals/reward", dependencies=[Depends(genuine_form)])
def reward_form(
    services: ServicesDep,
    owner: Owner,
    share: Annotated[str, Form(max_length=3)] = "",
    amount: Annotated[str, Form(max_length=30)] = "",
    cycles: Annotated[str, Form(max_length=2)] = "",
) -> Response:
    """What every referral brings from now on; with neither share nor amount nothing."""
    try:
        with services.db.write() as conn:
            currency = book_of(conn, owner.organisation.id, None).currency
            set_reward(conn, owner.organisation.id, _reward(share.strip(), amount.strip(), cycles.strip(), currency))
    except (AmountError, ValueError):
        notice = Notice("bad", owner.words.say(WRONG, most=PERIODS_MOST))
        typed = {"share": share, "amount": amount, "cycles": cycles}
        return _draw(services, owner, typed=typed, notice=notice, status=422)
    return RedirectResponse("/referrals?done=set", 303)


@router.get("/referrals/{referral_id}/reward")
def give_page(referral_id: PathId, _reader: Reader) -> Response:
    """Where the language is changed after a refusal."""
    return RedirectResponse("/referrals", 303)


@router.post("/referrals/{referral_id}/reward", dependencies=[Depends(genuine_form)])
def give_form(referral_id: PathId, services: ServicesDep, clerk: Clerk) -> Response:
    """Give a reward that waited: for a membership, or for terms that were not set."""
    try:
        with services.db.write() as conn:
            give_reward(conn, clerk.organisation.id, referral_id, now_ms=clerk.organisation.clock.business_ms)
    except ReferralRefusedError as refused:
        return _refused(services, clerk, refused)
    return RedirectResponse("/referrals?done=given", 303)


def _reward(share: str, amount: str, cycles: str, currency: str) -> Reward | None:
    """Raises ValueError, AmountError, CatalogueError."""
    share_percent = int(share or "0")
    off_minor = amount_minor(amount, currency) if amount.strip(" 0.,") else 0
    if not share_percent and not off_minor:
        return None
    periods = int(cycles or "1")
    if not (0 <= share_percent <= 100 and 1 <= periods <= PERIODS_MOST):
        raise ValueError("a share or a number of periods is out of bounds")
    return Reward(periods, share_percent * _PPM_PER_PERCENT, off_minor)


def _refused(services: Services, visit: Visit, refused: ReferralRefusedError) -> Response:
    said = visit.words.say(WHYS[ReferralWhy(refused.why)])
    return _draw(services, visit, notice=Notice("bad", said), status=409)


def _draw(
    services: Services,
    visit: Visit,
    *,
    number: int = 1,
    searched: tuple[str, str] = ("", ""),
    typed: Mapping[str, str] | None = None,
    notice: Notice | None = None,
    status: int = 200,
) -> Response:
    organisation = visit.organisation
    today = local_date(organisation.clock.business_ms, organisation.time_zone)
    with services.db.read() as conn:
        currency = book_of(conn, organisation.id, None).currency
        reward = reward_of(conn, organisation.id)
        found = referrals_of(conn, organisation.id, on=today, limit=PER_PAGE, after=(number - 1) * PER_PAGE)
        names = _names(conn, organisation.id, [id for one in found for id in (one.referrer_id, one.referred_id)])
        ours = referral.c.organisation_id == organisation.id
        count = conn.scalar(select(func.count()).select_from(referral).where(ours)) or 0
        new, by = (_found(conn, services, organisation.id, text) for text in searched)
    if notice is None and any(text and not people for text, people in zip(searched, (new, by), strict=True)):
        notice = Notice("warn", visit.words.say(NOBODY))
    return page(
        "billing/referrals.html",
        visit,
        status=status,
        notice=notice,
        found=found,
        names=names,
        number=number,
        pages=max(1, -(-count // PER_PAGE)),
        searched=searched,
        new=new,
        by=by,
        reward=reward,
        typed=_typed(reward, currency, visit) if typed is None else typed,
        currency=currency,
        periods_most=PERIODS_MOST,
        may_set=visit.principal.may(Permission.SET_RULES),
        said=ReferralWords(visit.words, currency),
    )


def _found(conn: Connection, services: Services, organisation_id: int, search: str) -> Sequence[tuple[int, str, str]]:
    """Members who fit: number, name, and who pays."""
    if not search:
        return ()
    lines = member_list(
        conn, services.keyring, organisation_id=organisation_id, search=search, limit=FOUND_MOST, after=0
    ).lines
    return [(one.id, f"{one.first_name} {one.last_name}", one.payer) for one in lines]


def _names(conn: Connection, organisation_id: int, member_ids: Sequence[int]) -> Mapping[int, str]:
    column = member.c
    rows = conn.execute(
        select(column.id, column.first_name, column.last_name).where(
            column.organisation_id == organisation_id, column.id.in_(member_ids)
        )
    )
    return {row.id: f"{row.first_name} {row.last_name}" for row in rows}


def _typed(reward: Reward | None, currency: str, visit: Visit) -> Mapping[str, str]:
    if reward is None:
        return {}
    return {
        "share": str(reward.share_ppm // _PPM_PER_PERCENT) if reward.share_ppm else "",
        "amount": amount_text(Money(reward.amount_minor, currency), visit.words) if reward.amount_minor else "",
        "cycles": str(reward.cycles),
    }
