"""What the desk does in a story, and what happens to its gateway: a line of words each."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from portillon_cloud.access.blocks import BlockReason
from portillon_cloud.access.operations import end_block, plan_block, put_block
from portillon_cloud.billing.invoice_run import run_invoices
from portillon_cloud.doors.operations import order
from portillon_cloud.members.credential_state import CredentialState
from portillon_cloud.members.credentials import change_state, replace_credential
from portillon_cloud.visits.moving import move
from portillon_cloud.visits.operations import give
from portillon_cloud.zones.forgiving import forgive
from portillon_rules.decision import TimeQuality
from portillon_rules.door_plan import EVERY_DOOR, Standing
from portillon_rules.reason import DenyReason
from portillon_rules.visits import Per
from sqlalchemy import Connection
from stories.rule_cloud import ELSEWHERE, RuleCloud, midnight_ms
from stories.rule_gateway import RuleGateway
from stories.rule_story import TIME_ZONE

BLOCKS = {
    "freeze": BlockReason.FROZEN,
    "block": BlockReason.BANNED,
    "charge back": BlockReason.CHARGEBACK,
    "suspect": BlockReason.PASS_SHARED,
}
STATES = {"lost": CredentialState.LOST, "stolen": CredentialState.STOLEN, "blocked": CredentialState.BLOCKED}
BILLING = "the bills of today are made"
CLOSED = {"out of order": DenyReason.LANE_FAULT, "held by the other door": DenyReason.INTERLOCKED}


@dataclass(slots=True)
class Doing:
    """Everything a line can act on. `linked`: whether the gateway hears the cloud."""

    cloud: RuleCloud
    gateway: RuleGateway
    now_ms: int = 0
    linked: bool = True

    def do(self, line: str) -> None:
        """Raises ValueError for a line that says nothing."""
        if line == BILLING:
            today = datetime.fromtimestamp(self.now_ms / 1_000, ZoneInfo(TIME_ZONE)).date()
            run_invoices(self.cloud.db, self.cloud.entity_id, on=today, now_ms=self.now_ms)
            return
        for pattern, act in _LINES.items():
            found = re.fullmatch(pattern, line)
            if found is not None:
                with self.cloud.db.write() as conn:
                    act(self, conn, *found.groups())
                return
        raise ValueError(f"{line!r} is nothing that a story can do: {', '.join([BILLING, *_LINES])}")


def _place(at: Doing, conn: Connection, what: str, who: str, until: str | None) -> None:
    person = at.cloud.people[who]
    until_ms = None if until is None else midnight_ms(date.fromisoformat(until))
    placing = put_block if until_ms is None else plan_block
    placing(
        conn, organisation_id=at.cloud.organisation_id, account_id=person.account_id, reason=BLOCKS[what],
        source="staff", from_ms=at.now_ms, until_ms=until_ms,
    )  # fmt: skip


def _end(at: Doing, conn: Connection, what: str, who: str) -> None:
    account_id = at.cloud.people[who].account_id
    end_block(
        conn, organisation_id=at.cloud.organisation_id, account_id=account_id, reason=BLOCKS[what], source="staff",
        at_ms=at.now_ms,
    )  # fmt: skip


def _card(at: Doing, conn: Connection, who: str, state: str) -> None:
    change_state(
        conn, at.cloud.keyring, organisation_id=at.cloud.organisation_id,
        credential_id=at.cloud.people[who].cards[-1], to=STATES[state], now_ms=at.now_ms, by="Camille",
    )  # fmt: skip


def _replace(at: Doing, conn: Connection, who: str) -> None:
    made = replace_credential(
        conn, at.cloud.keyring, organisation_id=at.cloud.organisation_id,
        credential_id=at.cloud.people[who].cards[-1], presented=at.cloud.next_card(), now_ms=at.now_ms, by="Camille",
    )  # fmt: skip
    at.cloud.people[who].cards.append(made)


def _card_until(at: Doing, conn: Connection, who: str, until: str) -> None:
    at.cloud.card(conn, who, at.now_ms, valid_until_ms=midnight_ms(date.fromisoformat(until)))


def _give(at: Doing, conn: Connection, who: str, most: str, per: str | None) -> None:
    give(
        conn, organisation_id=at.cloud.organisation_id, member_id=at.cloud.people[who].member_id, most=int(most),
        per=None if per is None else Per(per), from_ms=at.now_ms, until_ms=None, by="Camille", now_ms=at.now_ms,
    )  # fmt: skip


def _move(at: Doing, conn: Connection, who: str) -> None:
    move(
        conn, organisation_id=at.cloud.organisation_id, member_id=at.cloud.people[who].member_id, to=ELSEWHERE,
        at_once=True, now_ms=at.now_ms,
    )  # fmt: skip


def _forgive(at: Doing, conn: Connection, who: str, why: str) -> None:
    forgive(
        conn, principal=at.cloud.desk, member_id=at.cloud.people[who].member_id, note=why, now_ms=at.now_ms,
        real_ms=at.now_ms,
    )  # fmt: skip


def _order(at: Doing, conn: Connection, standing: Standing | None, door: str) -> None:
    order(
        conn, principal=at.cloud.desk, site_id=at.cloud.site_id, door=door, standing=standing, now_ms=at.now_ms,
        real_ms=at.now_ms,
    )  # fmt: skip


def _link(at: Doing, linked: bool) -> None:
    at.linked = linked


def _trouble(name: str, value: object) -> Callable[..., None]:
    return lambda at, _conn: setattr(at.gateway.troubles, name, value)


_LINES: Mapping[str, Callable[..., None]] = {
    r"(freeze|block|charge back|suspect) ([a-z]+)(?: until (\S+))?": _place,
    r"end the (freeze|block|charge back|suspect) of ([a-z]+)": _end,
    r"([a-z]+)'s card is (lost|stolen|blocked)": _card,
    r"replace ([a-z]+)'s card": _replace,
    r"give ([a-z]+) a card until (\S+)": _card_until,
    r"give ([a-z]+) (\d+) visits(?: a (day|week|month))?": _give,
    r"count ([a-z]+)'s visits at the side door": _move,
    r"forgive ([a-z]+): (.+)": _forgive,
    r"lockdown": lambda at, conn: _order(at, conn, Standing.LOCKDOWN, EVERY_DOOR),
    r"end the lockdown": lambda at, conn: _order(at, conn, None, EVERY_DOOR),
    r"block the door ([a-z-]+)": lambda at, conn, door: _order(at, conn, Standing.BLOCKED, door),
    r"the line is cut": lambda at, _conn: _link(at, False),
    r"the line is back": lambda at, _conn: _link(at, True),
    r"the other entrances are not heard": _trouble("others_heard", False),
    r"the power fails": _trouble("quality", TimeQuality.UNCERTAIN),
    r"the clock is lost": _trouble("quality", TimeQuality.UNKNOWN),
    r"the memory card is full": _trouble("journal_writable", False),
    r"the relay is dead": _trouble("output_available", False),
    r"somebody is passing at ([a-z-]+)": lambda at, _conn, door: at.gateway.troubles.busy.add(door),
    r"([a-z]+)'s row is damaged": lambda at, _conn, who: at.gateway.troubles.damaged.add(who),
    r"([a-z-]+) is (out of order|held by the other door)": lambda at, _conn, door, what: (
        at.gateway.troubles.closed.update({door: CLOSED[what]})
    ),
}
