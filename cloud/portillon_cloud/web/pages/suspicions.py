"""Cards that were tried too often: what was held back and why, letting an account try again, and the limits."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import RedirectResponse, Response

from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import PathId
from portillon_cloud.http.services import Services
from portillon_cloud.identity.roles import Permission
from portillon_cloud.payments.fraud.errors import UnknownSignalError
from portillon_cloud.payments.fraud.guarding import clear, limits_of, set_limits
from portillon_cloud.payments.fraud.limits import UNTIL_CLEARED, Limits, Suspicion
from portillon_cloud.payments.fraud.signals import signals_of
from portillon_cloud.web.pages.plans import said
from portillon_cloud.web.plan_form import PlanFormError, read
from portillon_cloud.web.rendering import Notice, page
from portillon_cloud.web.settings import Number, Setting, kind_of, typed_lists
from portillon_cloud.web.visit import Visit, genuine_form, visit_with
from portillon_cloud.web.wording import N_

router = APIRouter()
Reader = Annotated[Visit, Depends(visit_with(Permission.SEE_MONEY))]
Desk = Annotated[Visit, Depends(visit_with(Permission.TAKE_PAYMENT))]
Owner = Annotated[Visit, Depends(visit_with(Permission.SET_RULES))]
Lists = Annotated[dict[str, list[str]], Depends(typed_lists)]
SHOWN = 100
NOTE_LENGTH = 500

DONE = {"cleared": N_("It tries again from now on."), "limits": N_("Noted.")}
NO_NOTE = N_("Nothing was changed: say what you found.")
CLEARED_ALREADY = N_("Nothing was changed: somebody else has looked already.")

WHY: Mapping[Suspicion, str] = {
    Suspicion.TOO_OFTEN: N_("Tries came too often"),
    Suspicion.MANY_CARDS: N_("Many cards were entered for one account"),
    Suspicion.MANY_REFUSALS: N_("Many charges of one account were refused"),
    Suspicion.ONE_ADDRESS: N_("Many accounts were tried from one place"),
    Suspicion.CARD_TESTING: N_("Many charges of many accounts were refused at once"),
}
_HELD = N_("Its links are held until you say what you found. Ask the member whether it was them.")
_PLACE = N_(
    "Nothing is held for longer than an hour. It may be the gym’s own network; if not, watch for refused cards."
)
_TESTING = N_("New cards wait until an hour has passed. If it comes again, tell your payment provider.")
ADVICE: Mapping[Suspicion, str] = {
    **dict.fromkeys(UNTIL_CLEARED, _HELD),
    Suspicion.TOO_OFTEN: _PLACE,
    Suspicion.ONE_ADDRESS: _PLACE,
    Suspicion.CARD_TESTING: _TESTING,
}
_HOUR, _DAY = N_("in an hour"), N_("in a day")
_THEN_HELD = N_("Then it is held until somebody has looked.")


def _most(label: str, unit: str, usual: int, example: str) -> Number:
    return Number(label=label, unit=unit, least=1, most=500, none=usual, example=example)


SETTINGS: Mapping[str, Setting] = {
    "tries_per_hour": _most(
        N_("Tries by one account’s links"), _HOUR, Limits().tries_per_hour, N_("Then the payer waits.")
    ),
    "cards_per_day": _most(N_("New cards of one account"), _DAY, Limits().cards_per_day, _THEN_HELD),
    "refusals_per_day": _most(N_("Refusals of one account"), _DAY, Limits().refusals_per_day, _THEN_HELD),
    "address_tries_per_hour": _most(
        N_("Tries from one network address"),
        _HOUR,
        Limits().address_tries_per_hour,
        N_("Members on the gym’s own network share one."),
    ),
    "organisation_refusals_per_hour": _most(
        N_("Refusals of all accounts together"),
        _HOUR,
        Limits().organisation_refusals_per_hour,
        N_("Then no new card is taken for that hour."),
    ),
}


@router.get("/suspicions")
def suspicions_page(services: ServicesDep, reader: Reader, done: str = "") -> Response:
    """What somebody must look at; what somebody has looked at."""
    return _draw(services, reader, notice=Notice("ok", reader.words.say(DONE[done])) if done in DONE else None)


@router.post("/suspicions/limits", dependencies=[Depends(genuine_form)])
def limits_form(services: ServicesDep, owner: Owner, typed: Lists) -> Response:
    """Other limits from now on."""
    try:
        chosen = read(SETTINGS, {name: values[0] for name, values in typed.items() if values})
    except PlanFormError as error:
        return _draw(services, owner, notice=said(owner, error), status=422)
    with services.db.write() as conn:
        set_limits(conn, owner.organisation.id, Limits(**chosen))
    return RedirectResponse("/suspicions?done=limits", 303)


@router.post("/suspicions/{signal_id}/clear", dependencies=[Depends(genuine_form)])
def clear_form(
    signal_id: PathId, services: ServicesDep, desk: Desk, note: Annotated[str, Form(max_length=NOTE_LENGTH)] = ""
) -> Response:
    """Somebody has looked."""
    if not note.strip() or not note.isprintable():
        return _draw(services, desk, notice=Notice("bad", desk.words.say(NO_NOTE)), status=422)
    try:
        with services.db.write() as conn:
            clear(
                conn,
                desk.organisation.id,
                signal_id,
                by=desk.principal.name,
                note=note.strip(),
                real_ms=desk.now_ms,
            )
    except UnknownSignalError:
        return _draw(services, desk, notice=Notice("bad", desk.words.say(CLEARED_ALREADY)), status=409)
    return RedirectResponse("/suspicions?done=cleared", 303)


@router.get("/suspicions/limits")
@router.get("/suspicions/{signal_id}/clear")
def back_page(_reader: Reader) -> Response:
    """Where the language is changed after a refusal: nothing is done again."""
    return RedirectResponse("/suspicions", 303)


def _draw(services: Services, visit: Visit, *, notice: Notice | None = None, status: int = 200) -> Response:
    with services.db.read() as conn:
        to_look_at = signals_of(conn, visit.organisation.id, still_open=True, limit=SHOWN)
        looked_at = signals_of(conn, visit.organisation.id, still_open=False, limit=SHOWN)
        limits = limits_of(conn, visit.organisation.id)
    return page(
        "billing/suspicions.html",
        visit,
        status=status,
        notice=notice,
        to_look_at=to_look_at,
        looked_at=looked_at,
        limits=asdict(limits),
        settings=SETTINGS,
        kind_of=kind_of,
        why=WHY,
        advice=ADVICE,
        until_cleared=UNTIL_CLEARED,
        may_clear=visit.principal.may(Permission.TAKE_PAYMENT),
        may_set=visit.principal.may(Permission.SET_RULES),
    )
