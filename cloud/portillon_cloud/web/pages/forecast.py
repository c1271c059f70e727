"""How far an invoice run may leave its forecast before it stops itself, in words; runs that stand, and that stood."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import RedirectResponse, Response

from portillon_cloud.billing.forecast import stops
from portillon_cloud.billing.forecast.figures import Bounds
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.services import Services
from portillon_cloud.identity.roles import Permission
from portillon_cloud.money import Money
from portillon_cloud.reports.book import book_of
from portillon_cloud.web.amount import AmountError, amount_minor, amount_text
from portillon_cloud.web.forecast_words import bounds_texts, stop_texts
from portillon_cloud.web.rendering import Notice, page
from portillon_cloud.web.settings import Number, Setting, kind_of, read_settings, typed_fields
from portillon_cloud.web.visit import Visit, genuine_form, visit_with
from portillon_cloud.web.wording import N_

router = APIRouter()
Keeper = Annotated[Visit, Depends(visit_with(Permission.KEEP_BOOKS))]
Typed = Annotated[dict[str, str], Depends(typed_fields)]
STOPS_SHOWN = 24

SET = N_("Noted. The runs to come go by it.")
WRONG = N_("Nothing was changed: a number is missing, or is not within what the field allows.")
SETTINGS: Mapping[str, Setting] = {
    "billed_percent_most": Number(
        label=N_("Bills more than"),
        unit=N_("per cent of what was foretold"),
        least=101,
        most=10_000,
        example=N_("150: half as much again. A price typed with a nought too many is ten times as much."),
    ),
    "billed_percent_least": Number(
        label=N_("Bills less than"),
        unit=N_("per cent of what was foretold"),
        least=0,
        most=99,
        example=N_("30: less than a third. 0: never for that."),
    ),
    "repairs_least": Number(
        label=N_("Puts right earlier lines"),
        unit=N_("lines or more"),
        least=1,
        most=100_000,
        example=N_("Fewer never stop a run."),
    ),
    "repairs_percent_most": Number(
        label=N_("And these are more than"),
        unit=N_("per cent of the subscriptions due"),
        least=1,
        most=1_000,
        example=N_("A nightly run puts right next to nothing: changes are billed when they are made."),
    ),
}


@router.get("/books/forecast")
def forecast_page(services: ServicesDep, keeper: Keeper, done: bool = False) -> Response:
    """The bounds in words, and every run that they stopped."""
    return _draw(services, keeper, notice=Notice("ok", keeper.words.say(SET)) if done else None)


@router.post("/books/forecast", dependencies=[Depends(genuine_form)])
def forecast_form(services: ServicesDep, keeper: Keeper, typed: Typed) -> Response:
    """Other bounds for the runs to come; or the page again with what is wrong."""
    organisation_id = keeper.organisation.id
    try:
        with services.db.write() as conn:
            chosen = read_settings(SETTINGS, {**dict.fromkeys(SETTINGS, ""), **typed})
            if None in chosen.values():
                raise ValueError("a number is missing")
            currency = book_of(conn, organisation_id, None).currency
            least_minor = amount_minor(typed.get("difference", ""), currency)
            bounds = replace(stops.bounds_of(conn, organisation_id), difference_minor_least=least_minor, **chosen)
            stops.set_bounds(conn, organisation_id, bounds)
    except (AmountError, ValueError):
        return _draw(services, keeper, typed=typed, notice=Notice("bad", keeper.words.say(WRONG)), status=422)
    return RedirectResponse("/books/forecast?done=true", 303)


def _draw(
    services: Services,
    keeper: Visit,
    *,
    typed: Mapping[str, str] | None = None,
    notice: Notice | None = None,
    status: int = 200,
) -> Response:
    words, organisation_id = keeper.words, keeper.organisation.id
    with services.db.read() as conn:
        bounds = stops.bounds_of(conn, organisation_id)
        currency = book_of(conn, organisation_id, None).currency
        standing = stops.open_stops(conn, organisation_id)
        past = stops.past_stops(conn, organisation_id, limit=STOPS_SHOWN)
    return page(
        "billing/forecast.html",
        keeper,
        status=status,
        notice=notice,
        bounds=bounds_texts(bounds, currency, words),
        values=typed or _values(bounds, currency, keeper),
        currency=currency,
        settings=SETTINGS,
        kind_of=kind_of,
        stopped=[{"id": one.id, "on": one.stopped_on, "texts": stop_texts(one, words)} for one in standing],
        past=[(one, stop_texts(one.stop, words)) for one in past],
    )


def _values(bounds: Bounds, currency: str, keeper: Visit) -> Mapping[str, object]:
    least = Money(bounds.difference_minor_least, currency)
    return {**bounds.to_body(), "difference": amount_text(least, keeper.words)}
