"""How unpaid dues are chased: the ladder of each failure, on a calendar, and who is with the collectors."""

import datetime
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import RedirectResponse, Response

from portillon_cloud.access.blocks import Switch
from portillon_cloud.access.errors import GraceTooShortError
from portillon_cloud.access.store import collection
from portillon_cloud.clock.local import local_date
from portillon_cloud.dunning.calendar import course
from portillon_cloud.dunning.case_view import handed_over
from portillon_cloud.dunning.course_api import collectors_sheet
from portillon_cloud.dunning.errors import PolicyInvalidError
from portillon_cloud.dunning.failures import RETRIES_CURE, FailureClass
from portillon_cloud.dunning.operations import set_policy
from portillon_cloud.dunning.policy import DAYS_MAX, DEBIT_RETRIES_MAX, PROMISE_DAYS_MAX, PROMISES_MAX, Household
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.services import Services
from portillon_cloud.identity.roles import Permission
from portillon_cloud.reports.book import book_of
from portillon_cloud.web.dunning_form import ENDINGS, LadderFields, UnreadError, fields_of, fields_typed, typed_policy
from portillon_cloud.web.dunning_words import DunningWords
from portillon_cloud.web.ladder_picture import month_pictures
from portillon_cloud.web.rendering import Notice, page
from portillon_cloud.web.settings import typed_lists
from portillon_cloud.web.visit import Visit, genuine_form, visit_with
from portillon_cloud.web.wording import N_

router = APIRouter()
Reader = Annotated[Visit, Depends(visit_with(Permission.SEE_MONEY))]
Owner = Annotated[Visit, Depends(visit_with(Permission.MANAGE_STAFF))]
Lists = Annotated[dict[str, list[str]], Depends(typed_lists)]
Failure = Annotated[FailureClass | None, Query()]

DONE = N_("Noted. What is shut goes by it at once; letters and charges that are planned already stay on their days.")
UNREAD = N_("Nothing was changed: “%(field)s” cannot be read. Write whole days, such as 3, 5, 7.")
SENSELESS = N_(
    "Nothing was changed: collectors, end and write-off come after the last charge and the last letter, the write-off"
    " comes last, and a debit is tried at most twice more."
)
GRACE_TOO_SHORT = N_(
    "Nothing was changed: entry would stop so soon that a dead line could shut out members who have paid. Stop it"
    " later, or let gateways decide alone for fewer hours."
)
SHOWN_MINOR = 100_000


@router.get("/dunning")
def dunning_page(
    services: ServicesDep,
    reader: Reader,
    failure: Failure = None,
    due: Annotated[datetime.date | None, Query(ge=datetime.date(2000, 1, 1), le=datetime.date(2199, 12, 31))] = None,
    done: bool = False,
) -> Response:
    """One ladder, its form and its calendar."""
    notice = Notice("ok", reader.words.say(DONE)) if done else None
    return _draw(services, reader, failure, due=due, notice=notice)


@router.get("/dunning/handed-over.csv")
def collectors_list(services: ServicesDep, reader: Reader) -> Response:
    """What is with the collectors and still unpaid, as a sheet."""
    with services.db.read() as conn:
        return collectors_sheet(handed_over(conn, reader.principal.organisation_id))


@router.post("/dunning", dependencies=[Depends(genuine_form)])
def dunning_form(services: ServicesDep, owner: Owner, typed: Lists, failure: Failure = None) -> Response:
    """From now on it is so; or the page again with what is wrong."""
    return _change(services, owner, typed, failure, own=True)


@router.post("/dunning/as-every-other", dependencies=[Depends(genuine_form)])
def as_every_other_form(services: ServicesDep, owner: Owner, typed: Lists, failure: FailureClass) -> Response:
    """This failure has no ladder of its own any more."""
    return _change(services, owner, typed, failure, own=False)


def _change(
    services: Services, owner: Visit, typed: Mapping[str, list[str]], failure: FailureClass | None, *, own: bool
) -> Response:
    organisation_id = owner.principal.organisation_id
    try:
        with services.db.write() as conn:
            before = collection(conn, organisation_id).policy
            if own:
                policy = typed_policy(before, failure, typed, book_of(conn, organisation_id, None).currency)
            else:
                kept = {kind: ladder for kind, ladder in before.by_failure.items() if kind is not failure}
                policy = replace(before, by_failure=kept)
            set_policy(conn, organisation_id, policy, now_ms=owner.organisation.clock.business_ms)
    except UnreadError as error:
        text = owner.words.say(UNREAD, field=owner.words.say(error.label))
        return _draw(services, owner, failure, typed=fields_typed(typed), notice=Notice("bad", text), status=422)
    except GraceTooShortError:
        notice = Notice("bad", owner.words.say(GRACE_TOO_SHORT))
        return _draw(services, owner, failure, typed=fields_typed(typed), notice=notice, status=422)
    except PolicyInvalidError:
        notice = Notice("bad", owner.words.say(SENSELESS))
        return _draw(services, owner, failure, typed=fields_typed(typed), notice=notice, status=422)
    which = "" if failure is None else f"&failure={failure}"
    return RedirectResponse(f"/dunning?done=true{which}", 303)


def _draw(
    services: Services,
    visit: Visit,
    failure: FailureClass | None,
    *,
    due: datetime.date | None = None,
    typed: LadderFields | None = None,
    notice: Notice | None = None,
    status: int = 200,
) -> Response:
    organisation = visit.organisation
    with services.db.read() as conn:
        policy = collection(conn, organisation.id).policy
        currency = book_of(conn, organisation.id, None).currency
        collectors = sum(len(debts) for debts in handed_over(conn, organisation.id).values())
    shown = course(
        policy,
        failure or FailureClass.SOFT,
        due_on=due or local_date(organisation.clock.business_ms, organisation.time_zone),
        zone=organisation.time_zone,
        currency=currency,
        owed_minor=SHOWN_MINOR,
    )
    return page(
        "billing/dunning.html",
        visit,
        status=status,
        notice=notice,
        failure=failure,
        failures=(None, *FailureClass),
        policy=policy,
        fields=typed or fields_of(policy, policy.ladder_for(failure), currency, visit.words),
        endings=ENDINGS,
        switches=Switch,
        households=Household,
        course=shown,
        months=month_pictures(shown),
        said=DunningWords(visit.words),
        currency=currency,
        collectors=collectors,
        curable=failure is None or failure in RETRIES_CURE,
        debit_retries_max=DEBIT_RETRIES_MAX,
        days_max=DAYS_MAX,
        promise_days_max=PROMISE_DAYS_MAX,
        promises_max=PROMISES_MAX,
        may_change=visit.principal.may(Permission.MANAGE_STAFF),
    )
