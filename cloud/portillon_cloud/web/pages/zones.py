"""The zones of a site: what holds in each, in the owner's words, and choosing it."""

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path
from fastapi.responses import RedirectResponse, Response
from portillon_rules.zone_rule import EVERY_ZONE, ZoneRule

from portillon_cloud.doors.operations import schedules_of
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import PathId
from portillon_cloud.http.services import Services
from portillon_cloud.identity.roles import Permission
from portillon_cloud.web.pages.site_names import named_site
from portillon_cloud.web.rendering import Notice, page
from portillon_cloud.web.settings import kind_of, read_settings, typed_fields
from portillon_cloud.web.visit import Visit, genuine_form, visit_with
from portillon_cloud.web.wording import N_
from portillon_cloud.web.zone_words import ZoneWords, settings_of
from portillon_cloud.zones.errors import UnknownZoneError, ZoneInUseError, ZoneRuleError
from portillon_cloud.zones.operations import (
    add_zone,
    drop_zone,
    drop_zone_rule,
    put_zone_rule,
    zone_rules_of,
    zones_of,
)

router = APIRouter()
Reader = Annotated[Visit, Depends(visit_with(Permission.SEE_SITE))]
Owner = Annotated[Visit, Depends(visit_with(Permission.SET_RULES))]
Zone = Annotated[str, Path(max_length=64, pattern=r"^([A-Za-z0-9][A-Za-z0-9_.-]*|\*)$")]
Typed = Annotated[dict[str, str], Depends(typed_fields)]

WRONG = N_(
    "Nothing was changed. Zones cannot lie in each other in a ring, and a zone is not almost full after it is full."
)
BAD_NAME = N_("Nothing was added. A zone’s name has letters, digits, hyphens and dots, and no spaces: wet-area.")
IN_USE = N_(
    "Nothing was removed: a plan or a right opens this zone, another zone lies in it, or it is the last."
    " Change that first."
)


class Done(StrEnum):
    """What was just done on this page."""

    SET = "set"
    ADDED = "added"
    REMOVED = "removed"


DONE = {
    Done.SET: N_("Noted. Every gateway of the site goes by it within a second, or when it is back."),
    Done.ADDED: N_("Added. Name it in a plan, and in the configuration of the doors that lead into it."),
    Done.REMOVED: N_("Removed."),
}


@router.get("/sites/{site_id}/zones")
def zones_page(site_id: PathId, services: ServicesDep, reader: Reader, done: Done | None = None) -> Response:
    """Every zone with what holds in it, and for the whole site."""
    return _draw(services, reader, site_id, None if done is None else Notice("ok", reader.words.say(DONE[done])))


@router.post("/sites/{site_id}/zones", dependencies=[Depends(genuine_form)])
def add_form(
    site_id: PathId, services: ServicesDep, owner: Owner, zone: Annotated[str, Form(max_length=64)]
) -> Response:
    """One more zone; or the page again with why not."""
    try:
        with services.db.write() as conn:
            add_zone(
                conn,
                organisation_id=owner.principal.organisation_id,
                site_id=site_id,
                zone=zone.strip(),
                by=owner.changer,
            )
    except ZoneRuleError:
        return _again(services, owner, site_id, BAD_NAME)
    return _back(site_id, Done.ADDED)


@router.post("/sites/{site_id}/zones/{zone}/rule", dependencies=[Depends(genuine_form)])
def rule_form(site_id: PathId, zone: Zone, services: ServicesDep, owner: Owner, typed: Typed) -> Response:
    """What holds in the zone from now on; or the page again with why not. What the page does not show stays."""
    try:
        with services.db.write() as conn:
            named_site(conn, owner, site_id)
            before = zone_rules_of(conn, site_id).get(zone, ZoneRule(zone=zone)).to_body()
            chosen = read_settings(settings_of(zone, zones_of(conn, site_id), schedules_of(conn, site_id)), typed)
            body = {**before, **chosen}
            put_zone_rule(
                conn,
                organisation_id=owner.principal.organisation_id,
                site_id=site_id,
                zone=zone,
                body=body,
                by=owner.changer,
            )
    except (ZoneRuleError, UnknownZoneError, ValueError):
        return _again(services, owner, site_id, WRONG)
    return _back(site_id, Done.SET)


@router.post("/sites/{site_id}/zones/{zone}/rule/remove", dependencies=[Depends(genuine_form)])
def remove_rule_form(site_id: PathId, zone: Zone, services: ServicesDep, owner: Owner) -> Response:
    """Nothing is asked in the zone any more."""
    with services.db.write() as conn:
        drop_zone_rule(
            conn, organisation_id=owner.principal.organisation_id, site_id=site_id, zone=zone, by=owner.changer
        )
    return _back(site_id, Done.REMOVED)


@router.post("/sites/{site_id}/zones/{zone}/remove", dependencies=[Depends(genuine_form)])
def remove_form(site_id: PathId, zone: Zone, services: ServicesDep, owner: Owner) -> Response:
    """The zone is no more; or the page again with why not."""
    try:
        with services.db.write() as conn:
            drop_zone(
                conn,
                organisation_id=owner.principal.organisation_id,
                site_id=site_id,
                zone=zone,
                now_ms=owner.organisation.clock.business_ms,
                by=owner.changer,
            )
    except ZoneInUseError:
        return _again(services, owner, site_id, IN_USE, status=409)
    return _back(site_id, Done.REMOVED)


def _draw(services: Services, reader: Visit, site_id: int, notice: Notice | None, *, status: int = 200) -> Response:
    with services.db.read() as conn:
        site = named_site(conn, reader, site_id)
        zones, rules = zones_of(conn, site_id), zone_rules_of(conn, site_id)
        schedules = schedules_of(conn, site_id)
    words = reader.words_in(site.time_zone)
    shown = [EVERY_ZONE, *zones]
    return page(
        "zones.html",
        reader,
        status=status,
        words=words,
        notice=notice,
        site=site,
        every_zone=EVERY_ZONE,
        zones=shown,
        rules=rules,
        forms={zone: settings_of(zone, zones, schedules) for zone in shown},
        values={zone: vars_of(rules.get(zone, ZoneRule(zone=zone))) for zone in shown},
        kind_of=kind_of,
        zone_words=ZoneWords(words),
        may_set_rules=reader.principal.may(Permission.SET_RULES),
    )


def vars_of(rule: ZoneRule) -> dict[str, object]:
    """Every key of a rule with its value."""
    return {name: getattr(rule, name) for name in rule.__dataclass_fields__}


def _again(services: Services, owner: Visit, site_id: int, text: str, *, status: int = 422) -> Response:
    return _draw(services, owner, site_id, Notice("bad", owner.words.say(text)), status=status)


def _back(site_id: int, done: Done) -> Response:
    return RedirectResponse(f"/sites/{site_id}/zones?done={done}", 303)
