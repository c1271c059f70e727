"""A made-up table of entitlements of any size, as the cloud would send it."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import zstandard
from portillon_rules.credential import Credential, CredentialKind, SiteKey, credential_hash
from portillon_rules.door_rule import DoorRule
from portillon_rules.entitlement import Entitlement
from portillon_rules.holidays import HolidayCalendar
from portillon_rules.policy import SITE, SitePolicy
from portillon_rules.schedule import HolidayHours, Schedule, Window
from portillon_rules.visits import Allowance, Per, VisitRow
from portillon_rules.zone_rule import Strictness, ZoneRule
from portillon_wire.digest import Digest
from portillon_wire.messages import SnapshotOffer
from portillon_wire.rows import RowKind, canonical_body

KEY = SiteKey("k1", bytes(range(32)))
NOW_MS = 1_790_000_000_000
DAY_MS = 86_400_000
PACK_EVERY = 10
"""Every so many members come on a visit pack."""


def card(number: int) -> Credential:
    """The card of member `number`."""
    return Credential(CredentialKind.EM4100, f"{number:010X}")


def hashed(number: int) -> str:
    """What the gateway knows that card by."""
    return credential_hash(card(number), KEY)


def rows(members: int) -> Iterator[tuple[str, str, bytes]]:
    """(kind, key, canonical body) of members and of a site with all rules on, ascending as the cloud sends them."""
    yield _row(RowKind.DOOR_RULE, "lane1", DoorRule(door="lane1", pin_schedule="nights", two_people=True))
    for key in sorted(hashed(number) for number in range(members)):
        row = Entitlement(
            credential=key,
            member=key[3:15],
            zones=("gym", "spa"),
            schedule="days",
            valid_from_ms=NOW_MS - DAY_MS,
            valid_until_ms=NOW_MS + 30 * DAY_MS,
        )
        yield _row(RowKind.ENTITLEMENT, key, row)
    yield _row(RowKind.HOLIDAYS, "quebec", HolidayCalendar("quebec", frozenset({"01-01", "06-24", "07-01", "12-25"})))
    yield _row(RowKind.POLICY, SITE, SitePolicy(time_zone="America/Montreal"))
    closed = (HolidayHours("quebec"),)
    yield _row(RowKind.SCHEDULE, "days", Schedule("days", _every_day(5 * 60, 23 * 60), holidays=closed))
    yield _row(RowKind.SCHEDULE, "nights", Schedule("nights", _every_day(22 * 60, 30 * 60), holidays=closed))
    for member in sorted(hashed(number)[3:15] for number in range(0, members, PACK_EVERY)):
        allowances = (
            Allowance(name="pack", most=10, until_ms=NOW_MS + DAY_MS),
            Allowance(name="weekly", most=3, per=Per.WEEK, until_ms=NOW_MS + DAY_MS),
        )
        row_of = VisitRow(member=member, home="gw1", turn=1, since_ms=0, allowances=allowances)
        yield _row(RowKind.VISITS, member, row_of)
    for rule in (
        ZoneRule(zone="*", passback=Strictness.SOFT, reset_hour=4),
        ZoneRule(zone="gym", passback=Strictness.HARD, passback_minutes=120, capacity=400, almost_full=350),
    ):
        yield _row(RowKind.ZONE_RULE, rule.zone, rule)


def _every_day(from_minute: int, until_minute: int) -> tuple[Window, ...]:
    return tuple(Window(day, from_minute, until_minute) for day in range(7))


def _row(kind: RowKind, key: str, rule: Any) -> tuple[str, str, bytes]:
    return kind.value, key, canonical_body(rule.to_body())


def snapshot(path: Path, members: int) -> SnapshotOffer:
    """Write the compressed table to `path` and return its offer."""
    digest, count = Digest.empty(), 0
    with path.open("wb") as file, zstandard.ZstdCompressor(level=3).stream_writer(file, closefd=False) as stream:
        for kind, key, body in rows(members):
            digest.add(kind, key, body)
            stream.write(b'{"kind":"%s","key":"%s","body":%s}\n' % (kind.encode(), key.encode(), body))
            count += 1
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return SnapshotOffer(
        gateway="gw1", epoch=1, revision=1, root=digest.root(), url="/s", size=path.stat().st_size, sha256=sha256,
        rows=count, issued_ms=NOW_MS,
    )  # fmt: skip
