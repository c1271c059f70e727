"""Alarms over /api/v1: what is the matter, what was, and taking note of it."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from portillon_wire.alarm_classes import Alarm, AlarmClass
from pydantic import BaseModel, ConfigDict, Field

from portillon_cloud.alarms.operations import AlarmLine, Word, acknowledge, open_alarms, past_alarms
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.paging import ID_MAX, Limit, PathId
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission

NOTE_LENGTH = 500

router = APIRouter(tags=["alarms"])
Reader = Annotated[Principal, Depends(require(Permission.SEE_SITE))]
Guard = Annotated[Principal, Depends(require(Permission.ACKNOWLEDGE_ALARMS))]


class WordOut(BaseModel):
    by: str
    at_ms: int | None = Field(description="Machine time; null: said on site, at a gateway that did not know it")
    note: str


class AlarmOut(BaseModel):
    """One alarm with its repetitions. Instants are business time; null: nobody can tell when it was."""

    id: int
    alarm: Alarm
    alarm_class: AlarmClass
    site_id: int
    gateway: str
    door: str | None
    detail: str | None
    by: str | None = Field(description="Who or what caused it on site: a staff id, or the name of an input")
    count: int
    first_at_ms: int | None
    last_at_ms: int | None
    stands: bool
    ended_at_ms: int | None
    ended_by: str | None
    acknowledged: WordOut | None = Field(description="Null: nobody has taken note of it yet")
    closed: WordOut | None = Field(description="Somebody said that it is over")


class Acknowledgement(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    note: Annotated[str, Field(max_length=NOTE_LENGTH)] = ""
    is_over: bool = Field(default=False, description="Say that it is over although no event has ended it")


@router.get("/alarms")
def list_open(
    services: ServicesDep, principal: Reader, site_id: Annotated[int | None, Query(ge=1, le=ID_MAX)] = None
) -> list[AlarmOut]:
    """What stands, or nobody took note of; the most urgent first."""
    with services.db.read() as conn:
        return [_out(one) for one in open_alarms(conn, principal.organisation_id, site_id=site_id)]


@router.get("/alarms/past")
def list_past(services: ServicesDep, principal: Reader, limit: Limit = 50) -> list[AlarmOut]:
    """What is over and was taken note of, newest first."""
    with services.db.read() as conn:
        return [_out(one) for one in past_alarms(conn, principal.organisation_id, limit=limit)]


@router.post("/alarms/{alarm_id}/acknowledge", status_code=HTTPStatus.NO_CONTENT)
def take_note(alarm_id: PathId, said: Acknowledgement, services: ServicesDep, guard: Guard) -> None:
    """Take note of an alarm and of its repetitions so far; who, when and what is kept for ever."""
    with services.db.write() as conn:
        acknowledge(
            conn,
            principal=guard,
            alarm_id=alarm_id,
            note=said.note,
            is_over=said.is_over,
            real_ms=services.clock.real_ms(),
        )


def _out(one: AlarmLine) -> AlarmOut:
    return AlarmOut(
        id=one.id,
        alarm=one.alarm,
        alarm_class=one.alarm_class,
        site_id=one.site_id,
        gateway=one.gateway,
        door=one.door,
        detail=one.detail,
        by=one.by,
        count=one.count,
        first_at_ms=one.first_at_ms,
        last_at_ms=one.last_at_ms,
        stands=one.stands,
        ended_at_ms=one.ended_at_ms,
        ended_by=one.ended_by,
        acknowledged=_word(one.acknowledged),
        closed=_word(one.closed),
    )


def _word(word: Word | None) -> WordOut | None:
    return None if word is None else WordOut(by=word.by, at_ms=word.at_ms, note=word.note)
