"""From a journal event as it travels to the row that is kept. Pure."""

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

from portillon_rules.decision import TimeQuality
from portillon_wire.messages import JournalEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Whose journal it is; looked up by the caller, never read from the message."""

    organisation_id: int
    site_id: int
    gateway_id: str


class EventRow(NamedTuple):
    """The columns of one stored event that come from the gateway, in the order in which they are written."""

    sequence: int
    content_sha256: str
    kind: str
    door: str | None
    reader: str | None
    credential: str | None
    member: str | None
    reason: str | None
    flags: str
    detail: str | None
    at_ms: int | None
    real_ms: int | None
    quality: str
    dated_by: str
    boot_id: str
    boot_ns: int
    way: str | None
    by: str | None


_WORDS = {quality: quality.value for quality in TimeQuality}  # an enum's .value costs more than a look-up


def row(event: JournalEvent) -> EventRow:
    """The row of `event`, dated by the gateway if it knew the time at all."""
    at = event.at
    quality = _WORDS[at.quality]
    # What tells a repeated event from another one under the same number. Over a fixed list of version 1's fields and
    # not over the payload: a cloud updated between two deliveries of one event must still know it again. ascii() of
    # strings, integers, None and tuples of them is unambiguous, the same in every Python, and fast.
    content = ascii(
        (
            event.kind,
            event.door,
            event.reader,
            event.credential,
            event.member,
            event.reason,
            event.flags,
            event.detail,
            at.boot_id,
            at.boot_ns,
            at.real_ms,
            at.business_ms,
            quality,
        )
    )
    return EventRow(
        sequence=event.sequence,
        content_sha256=hashlib.sha256(content.encode()).hexdigest(),
        kind=event.kind,
        door=event.door,
        reader=event.reader,
        credential=event.credential,
        member=event.member,
        reason=event.reason,
        flags=",".join(event.flags),
        detail=event.detail,
        at_ms=at.business_ms,
        real_ms=at.real_ms,
        quality=quality,
        dated_by="nobody" if at.real_ms is None else "gateway",
        boot_id=at.boot_id,
        boot_ns=at.boot_ns,
        way=event.way,
        by=event.by,
    )
