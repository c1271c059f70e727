"""The audit over HTTP: what the last one found, in words, and another one now."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from portillon_cloud.audit.operations import AuditRun, audit, last_run, open_findings
from portillon_cloud.clock import business_now_ms
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission

router = APIRouter(tags=["accounting"])
Reader = Annotated[Principal, Depends(require(Permission.SEE_MONEY))]
Accountant = Annotated[Principal, Depends(require(Permission.KEEP_BOOKS))]


class FindingOut(BaseModel):
    """`holds`: the rule that is broken; `explanation`: what does not agree; `facts`: its numbers, in minor units."""

    id: int
    code: str
    subject: str
    holds: str
    explanation: str
    facts: dict[str, Any]
    since_ms: int


class AuditOut(BaseModel):
    """`last` null: there was no audit yet."""

    last: AuditRun | None
    findings: list[FindingOut]


@router.get("/audit")
def get_audit(services: ServicesDep, reader: Reader) -> AuditOut:
    """The last audit, and every breach that it saw."""
    with services.db.read() as conn:
        last, found = last_run(conn, reader.organisation_id), open_findings(conn, reader.organisation_id)
    findings = [
        FindingOut(
            id=one.id,
            code=one.finding.code,
            subject=one.finding.subject,
            holds=one.holds,
            explanation=one.explanation,
            facts=dict(one.finding.facts),
            since_ms=one.since_ms,
        )
        for one in found
    ]
    return AuditOut(last=last, findings=findings)


@router.post("/audit/runs", status_code=201)
def run_audit(services: ServicesDep, accountant: Accountant) -> AuditRun:
    """Audit now. (A live organisation is audited every night; a test organisation when it is asked for.)"""
    with services.db.read() as conn:
        now_ms = business_now_ms(conn, accountant.organisation_id, services.clock.real_ms())
    return audit(services.db, accountant.organisation_id, now_ms=now_ms)
