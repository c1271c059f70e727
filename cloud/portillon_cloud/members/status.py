"""What somebody is to the gym on a day: derived from their subscriptions, never typed and never stored."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sqlalchemy import Connection, select

from portillon_cloud.billing.tables import contract, subscription
from portillon_cloud.members.tables import profile


class MemberStatus(StrEnum):
    """One word per member. (Whether dues, a freeze or a block keep them out is their account's standing.)"""

    PROSPECT = "prospect"  # never had a subscription
    COMING = "coming"  # the first one begins later
    CURRENT = "current"  # one runs on this day
    FORMER = "former"  # all are over
    ERASED = "erased"  # nothing is known of them any more


@dataclass(frozen=True, slots=True)
class Span:
    """One subscription's days; `ends_on`: the first day without it, None: no end is known."""

    starts_on: date
    ends_on: date | None


def status_on(spans: Iterable[Span], today: date) -> MemberStatus:
    """The word for somebody with these subscriptions."""
    lasting = [span for span in spans if span.ends_on is None or span.ends_on > span.starts_on]
    if any(span.starts_on <= today and (span.ends_on is None or today < span.ends_on) for span in lasting):
        return MemberStatus.CURRENT
    if any(span.starts_on > today for span in lasting):
        return MemberStatus.COMING
    return MemberStatus.FORMER if lasting else MemberStatus.PROSPECT


def statuses_of(conn: Connection, member_ids: Sequence[int], today: date) -> dict[int, MemberStatus]:
    """The word for each of these members, in two queries."""
    spans: defaultdict[int, list[Span]] = defaultdict(list)
    for row in conn.execute(
        select(subscription.c.member_id, contract.c.starts_on, subscription.c.ends_on)
        .join(contract, contract.c.id == subscription.c.contract_id)
        .where(subscription.c.member_id.in_(member_ids))
    ):
        spans[row.member_id].append(Span(row.starts_on, row.ends_on))
    erased = set(
        conn.execute(
            select(profile.c.member_id).where(profile.c.member_id.in_(member_ids), profile.c.erased_at_ms.is_not(None))
        ).scalars()
    )
    return {one: MemberStatus.ERASED if one in erased else status_on(spans.get(one, ()), today) for one in member_ids}
