"""Run every check, keep what is found until it is found no more, and have the next night's audit ring."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from sqlalchemy import Connection, RowMapping, func, insert, select

from portillon_cloud.audit.check import Finding, explained
from portillon_cloud.audit.contract_checks import CONTRACT_CHECKS, RECKONED, reckoned_findings
from portillon_cloud.audit.defence_checks import DEFENCES_STAND, HOLDS, SAYS, missing_defences
from portillon_cloud.audit.document_checks import DOCUMENT_CHECKS
from portillon_cloud.audit.ledger_checks import LEDGER_CHECKS
from portillon_cloud.audit.payment_checks import PAYMENT_CHECKS
from portillon_cloud.audit.planning import plan_audit
from portillon_cloud.audit.tables import audit_finding, audit_run, finding_over
from portillon_cloud.database import Database
from portillon_cloud.database.rows import insert_one
from portillon_cloud.members.organisations import time_zone_of
from portillon_cloud.timers import Timer, Work, finish

CHECKS = (*DOCUMENT_CHECKS, *LEDGER_CHECKS, *CONTRACT_CHECKS, *PAYMENT_CHECKS)
HELD: Mapping[str, str] = MappingProxyType(
    {one.code: one.holds for one in CHECKS}
    | {code: holds for code, (holds, _) in RECKONED.items()}
    | {DEFENCES_STAND: HOLDS}
)
"""What must hold, by the check's code."""
SAYS_OF: Mapping[str, str] = MappingProxyType(
    {one.code: one.says for one in CHECKS}
    | {code: says for code, (_, says) in RECKONED.items()}
    | {DEFENCES_STAND: SAYS}
)
"""How a breach is told, by the check's code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRun:
    """One audit: how many rules it held the books to, and how many breaches it saw."""

    id: int
    ran_at_ms: int
    checks: int
    found: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFinding:
    """A breach that the last audit saw; `since_ms`: when one first did."""

    id: int
    finding: Finding
    since_ms: int

    @property
    def holds(self) -> str:
        """The rule that is broken; a newer version's check is told by its code."""
        return HELD.get(self.finding.code, self.finding.code)

    @property
    def says(self) -> str:
        """The sentence before it is translated and its facts filled in."""
        return SAYS_OF.get(self.finding.code, f"{self.finding.code}: {self.finding.subject}")

    @property
    def explanation(self) -> str:
        """What does not agree, in a sentence."""
        return explained(self.says, self.finding, "en")


def look(conn: Connection, organisation_id: int) -> list[Finding]:
    """Every breach there is now. Reads only."""
    found = [one for check in CHECKS for one in check.run(conn, organisation_id)]
    return found + reckoned_findings(conn, organisation_id) + missing_defences(conn)


def audit(db: Database, organisation_id: int, *, now_ms: int) -> AuditRun:
    """Look at one consistent picture of the books, then write down what was seen."""
    with db.read() as conn:
        found = look(conn, organisation_id)
    with db.write() as conn:
        return keep(conn, organisation_id, found, now_ms=now_ms)


def keep(conn: Connection, organisation_id: int, found: Sequence[Finding], *, now_ms: int) -> AuditRun:
    """Write down a run, what it saw for the first time, and what it sees no more."""
    run_id = insert_one(
        conn, audit_run, organisation_id=organisation_id, ran_at_ms=now_ms, checks=len(HELD), found=len(found)
    )
    known = {(one.finding.code, one.finding.subject): one.id for one in open_findings(conn, organisation_id)}
    seen = {(one.code, one.subject): one for one in found}
    new = [one for name, one in seen.items() if name not in known]
    over = [finding_id for name, finding_id in known.items() if name not in seen]
    if new:
        conn.execute(
            insert(audit_finding),
            [
                {
                    "organisation_id": organisation_id,
                    "run_id": run_id,
                    "code": one.code,
                    "subject": one.subject,
                    "facts": dict(one.facts),
                }
                for one in new
            ],
        )
    if over:
        conn.execute(
            insert(finding_over),
            [{"finding_id": one, "organisation_id": organisation_id, "run_id": run_id} for one in over],
        )
    return AuditRun(id=run_id, ran_at_ms=now_ms, checks=len(HELD), found=len(found))


def open_findings(conn: Connection, organisation_id: int) -> Sequence[OpenFinding]:
    """What the last audit saw, the oldest first."""
    rows = conn.execute(
        select(audit_finding, audit_run.c.ran_at_ms)
        .join(audit_run, audit_run.c.id == audit_finding.c.run_id)
        .join(finding_over, finding_over.c.finding_id == audit_finding.c.id, isouter=True)
        .where(audit_finding.c.organisation_id == organisation_id, finding_over.c.finding_id.is_(None))
        .order_by(audit_finding.c.id)
    )
    return [_open(row) for row in rows.mappings()]


def count_open(conn: Connection, organisation_id: int) -> int:
    """How many breaches stand: what an owner's page warns of."""
    found = conn.scalar(
        select(func.count())
        .select_from(audit_finding.outerjoin(finding_over, finding_over.c.finding_id == audit_finding.c.id))
        .where(audit_finding.c.organisation_id == organisation_id, finding_over.c.finding_id.is_(None))
    )
    return int(found or 0)


def last_run(conn: Connection, organisation_id: int) -> AuditRun | None:
    """The newest audit; None: there was none yet."""
    row = conn.execute(
        select(audit_run).where(audit_run.c.organisation_id == organisation_id).order_by(audit_run.c.id.desc()).limit(1)
    ).one_or_none()
    return None if row is None else AuditRun(id=row.id, ran_at_ms=row.ran_at_ms, checks=row.checks, found=row.found)


def audit_when_due(work: Work, timer: Timer) -> None:
    """Timer nightly_audit: audit the organisation, and have the next night's ring."""
    with work.db.read() as conn:
        found = look(conn, timer.subject_id)
    with work.db.write() as conn:
        keep(conn, timer.subject_id, found, now_ms=work.now_ms)
        zone = time_zone_of(conn, timer.subject_id)
        plan_audit(conn, organisation_id=timer.organisation_id, time_zone=zone, after_ms=work.now_ms)
        finish(conn, timer)


def _open(row: RowMapping) -> OpenFinding:
    return OpenFinding(
        id=row["id"],
        finding=Finding(code=row["code"], subject=row["subject"], facts=row["facts"]),
        since_ms=row["ran_at_ms"],
    )
