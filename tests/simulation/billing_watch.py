"""What must hold of the books: DESIGN §8 invariants 9, 10, 11, and who is let in. Plain SQL over the file.

It shares no code with what it watches but `rows_for_accounts`, which is what gateways are told.
"""

import calendar
import datetime
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from portillon_rules.reason import DenyReason
from simulation.finding import Finding

ZONE = ZoneInfo("America/Toronto")
GRACE_DAYS = 10
PROGRESS = 0
"""Stands where an invariant's number would: whatever is owed is being collected, or a person has been told."""
TERMINAL = (
    "invoice", "invoice_line", "invoice_tax", "ledger_entry", "posting", "attempt_outcome", "payment", "allocation",
    "subscription_event", "event_withdrawal", "credit_note", "credit_note_line", "credit_note_tax",
    "payment_return", "allocation_undone",
)  # fmt: skip

_TAKEN = """
    SELECT idempotency_key AS key, amount_minor,
           CAST(substr(idempotency_key, 8, instr(idempotency_key, ':') - 8) AS INTEGER) AS intent_id
    FROM sim_charge WHERE coalesce(settles_as, outcome) = 'succeeded'
"""
"""Money that the provider has taken, or will when a debit settles, by its own books; its keys begin intent-<id>:"""

_PAID = "coalesce((SELECT sum(amount_minor) FROM allocation WHERE invoice_id = invoice.id), 0)"
_UNDONE = "coalesce((SELECT sum(amount_minor) FROM allocation_undone WHERE invoice_id = invoice.id), 0)"
_OWED = f"(invoice.total_minor - {_PAID} + {_UNDONE})"
_ASKED = """coalesce((SELECT sum(amount_minor) FROM payment_intent WHERE invoice_id = invoice.id
    AND state IN ('open', 'parked')), 0)"""


_FORBIDDEN: tuple[tuple[int, str, str], ...] = (
    (9, "an invoice is not its lines plus its taxes", """
        SELECT id FROM invoice WHERE total_minor <> net_minor + tax_minor
        OR net_minor <> (SELECT sum(net_minor) FROM invoice_line WHERE invoice_id = invoice.id)
        OR tax_minor <> (SELECT coalesce(sum(amount_minor), 0) FROM invoice_tax WHERE invoice_id = invoice.id)"""),
    (9, "more was allocated to an invoice than it comes to", f"SELECT id FROM invoice WHERE {_OWED} < 0"),
    (9, "what is asked for is not what is owed",
        f"SELECT invoice.id, {_OWED}, {_ASKED} FROM invoice WHERE {_OWED} <> {_ASKED}"),
    (9, "more was taken back of a payment than it brought", """
        SELECT payment.id FROM payment WHERE amount_minor <
        (SELECT coalesce(sum(amount_minor), 0) FROM payment_return WHERE payment_id = payment.id)"""),
    (9, "a number series has a gap", """
        SELECT legal_entity_id, series, count(*), max(number) FROM invoice GROUP BY legal_entity_id, series
        HAVING count(DISTINCT number) <> count(*) OR min(number) <> 1 OR max(number) <> count(*)"""),
    (9, "a number was issued on an earlier day than the one before", """
        SELECT * FROM (SELECT number, issued_on, lag(issued_on) OVER (
            PARTITION BY legal_entity_id, series ORDER BY number) AS before FROM invoice) WHERE before > issued_on"""),
    (10, "a period was billed twice", """
        SELECT subscription_id, period_start, count(*) FROM invoice_line
        GROUP BY subscription_id, component, period_start, generation HAVING count(*) > 1"""),
    (10, "an intent has two successful attempts", """
        SELECT intent_id FROM attempt_outcome WHERE outcome = 'succeeded' GROUP BY intent_id HAVING count(*) > 1"""),
    (10, "the provider took money twice for one intent",
        f"SELECT intent_id, group_concat(key) FROM ({_TAKEN}) GROUP BY intent_id HAVING count(*) > 1"),
    (10, "the provider took money that nobody records or asks after", f"""
        SELECT taken.key, taken.amount_minor FROM ({_TAKEN}) taken
        LEFT JOIN payment_attempt attempt ON attempt.key = taken.key
        LEFT JOIN payment ON payment.attempt_id = attempt.id AND payment.amount_minor = taken.amount_minor
        WHERE payment.id IS NULL AND coalesce(attempt.state, 'over') = 'over'"""),
    (10, "a payment was recorded that the provider never took", f"""
        SELECT attempt.key FROM payment JOIN payment_attempt attempt ON attempt.id = payment.attempt_id
        WHERE NOT EXISTS (SELECT 1 FROM ({_TAKEN}) taken
            WHERE taken.key = attempt.key AND taken.amount_minor = payment.amount_minor)"""),
    (PROGRESS, "a timer's handler failed", "SELECT key, attempts, error FROM timer WHERE error IS NOT NULL"),
)  # fmt: skip
"""Queries that must find nothing at any instant, in the middle of any work."""

_STANDS = "NOT EXISTS (SELECT 1 FROM event_withdrawal WHERE event_id = event.id)"
_CHANGED = """SELECT 1 FROM subscription_event event
    WHERE event.subscription_id = subscription.id AND recorded_by <> 'contract'"""
_BEGUN = f"""SELECT 1 FROM subscription_event event WHERE event.subscription_id = subscription.id
    AND kind = 'started' AND holds_from_on <= ? AND {_STANDS}"""
_OVER = f"""SELECT 1 FROM subscription_event event WHERE event.subscription_id = subscription.id
    AND kind = 'ended' AND holds_from_on <= ? AND {_STANDS}"""
_CHARGE_COMES = """EXISTS (SELECT 1 FROM timer JOIN payment_intent other ON other.id = timer.subject_id
    WHERE timer.kind = 'charge' AND timer.state = 'ready' AND other.invoice_id = intent.invoice_id)"""
_FORBIDDEN_AT_REST: tuple[tuple[int, str, str], ...] = (
    (PROGRESS, "a charge is under way and nobody will ask after it", f"""
        SELECT attempt.key, attempt.state FROM payment_attempt attempt
        JOIN payment_intent intent ON intent.id = attempt.intent_id
        WHERE attempt.state <> 'over' AND intent.state = 'open' AND NOT {_CHARGE_COMES}"""),
    (PROGRESS, "something is owed that nobody will charge and dunning does not know", f"""
        SELECT intent.id FROM payment_intent intent WHERE intent.state = 'open' AND NOT {_CHARGE_COMES}
        AND NOT EXISTS (SELECT 1 FROM dunning_case WHERE invoice_id = intent.invoice_id AND closed_at_ms IS NULL)"""),
    (PROGRESS, "dunning goes on about what is paid", f"""
        SELECT dunning_case.id FROM dunning_case JOIN invoice ON invoice.id = dunning_case.invoice_id
        WHERE closed_at_ms IS NULL AND {_OWED} = 0"""),
)  # fmt: skip
"""Queries that must find nothing once the worker has nothing left to do."""


class Watch:
    """Looks at one database file; remembers what it saw, since what is final must stay."""

    def __init__(self, path: Path, finding: Finding) -> None:
        self.finding = finding
        self._conn = sqlite3.connect(path)
        self._conn.execute("PRAGMA query_only = ON")
        self._final: dict[str, dict[int, tuple[Any, ...]]] = {name: {} for name in TERMINAL}

    def close(self) -> None:
        """Let the file go."""
        self._conn.close()

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Whatever is asked."""
        return self._conn.execute(query, values).fetchall()

    def version(self) -> int:
        """A number that changes when anybody commits a change."""
        return int(self.rows("PRAGMA data_version")[0][0])

    def final_rows(self) -> dict[str, dict[int, tuple[Any, ...]]]:
        """Everything that must never change: table, row id, row."""
        return {name: {row[0]: row for row in self.rows(f"SELECT rowid, * FROM {name}")} for name in TERMINAL}

    def look(self) -> None:
        """At any instant."""
        self.find_nothing(_FORBIDDEN)
        self._ledger_fits()
        seen = self.final_rows()
        for name, before in self._final.items():
            changed = [row_id for row_id, row in before.items() if seen[name].get(row_id) != row]
            if changed:
                self.finding.breaks(11, f"{name} {changed[:3]} changed or went after it was written")
        self._final = seen

    def look_at_rest(self, now_ms: int) -> None:
        """When nothing is left to do at this business instant."""
        self.look()
        self.find_nothing(_FORBIDDEN_AT_REST)
        self._periods_complete(_local(now_ms).date(), now_ms)

    def find_nothing(self, forbidden: Iterable[tuple[int, str, str]]) -> None:
        """Queries with the invariant that breaks, and in which words, if they find anything."""
        for invariant, what, query in forbidden:
            found = self.rows(query)
            if found:
                self.finding.breaks(invariant, f"{what}: {found[:3]}")

    def _ledger_fits(self) -> None:
        balances = dict(self.rows("""
            SELECT code, coalesce((SELECT sum(amount_minor) FROM posting WHERE debit_account_id = book.id), 0)
                       - coalesce((SELECT sum(amount_minor) FROM posting WHERE credit_account_id = book.id), 0)
            FROM ledger_account book"""))  # fmt: skip
        [(net, total)] = self.rows("SELECT coalesce(sum(net_minor), 0), coalesce(sum(total_minor), 0) FROM invoice")
        [(net_back, back)] = self.rows(
            "SELECT coalesce(sum(net_minor), 0), coalesce(sum(total_minor), 0) FROM credit_note"
        )
        [(allocated,)] = self.rows("SELECT coalesce(sum(amount_minor), 0) FROM allocation")
        taxes = dict(self.rows("""
            SELECT tax, sum(amount_minor) FROM (SELECT tax, amount_minor FROM invoice_tax
                UNION ALL SELECT tax, -amount_minor FROM credit_note_tax) GROUP BY tax"""))  # fmt: skip
        [(returned, from_credit, lost)] = self.rows("""
            SELECT coalesce(sum(amount_minor), 0), coalesce(sum(from_credit_minor), 0), coalesce(sum(lost_minor), 0)
            FROM payment_return""")  # fmt: skip
        [(undone,)] = self.rows("SELECT coalesce(sum(amount_minor), 0) FROM allocation_undone")
        means = dict(self.rows("SELECT means, sum(amount_minor) FROM payment GROUP BY means"))
        balances["revenue"] += balances.pop("deferred_revenue")  # what is earned when is not this life's question
        expected = {
            "receivable": total - allocated + undone, "revenue": net_back - net, "tax_tps": -taxes.get("TPS", 0),
            "tax_tvq": -taxes.get("TVQ", 0), "provider_clearing": means.get("provider", 0) - returned,
            "cash": means.get("cash", 0), "bank": means.get("terminal", 0) + means.get("transfer", 0),
            "member_credit": allocated - sum(means.values()) - back + from_credit, "bad_debt": lost,
        }  # fmt: skip
        wrong = {code: minor for code, minor in balances.items() if minor != expected.get(code, 0)}
        if wrong:
            self.finding.breaks(9, f"the ledger has {wrong}, the documents say {expected}")

    def _periods_complete(self, today: datetime.date, now_ms: int) -> None:
        """Of what nobody changed exactly the periods that have begun are billed: each month from the anchor, the 31st
        staying the 31st. (Of the others `NotesWatch` asks the engine.)

        An account whose invoices are held back, or who is billed with such a one, may lack the latest, none in between.
        """
        billed: dict[int, list[str]] = {}
        for subscription_id, start in self.rows(
            "SELECT subscription_id, period_start FROM invoice_line ORDER BY subscription_id, period_start"
        ):
            billed.setdefault(subscription_id, []).append(start)
        held = {account_id for account_id, member_id in self.switched_off("invoicing", now_ms) if member_id is None}
        for subscription_id, account_id, with_id, anchor, ends_on in self.rows(
            f"SELECT id, account_id, bill_with_id, anchor_on, ends_on FROM subscription WHERE NOT EXISTS ({_CHANGED})"
        ):
            expected = [
                start.isoformat()
                for start in _month_starts(datetime.date.fromisoformat(anchor), datetime.date.fromisoformat(ends_on))
                if start <= today
            ]
            has = billed.get(subscription_id, [])
            if has != (expected[: len(has)] if held & {account_id, with_id} else expected):
                self.finding.breaks(10, f"on {today} subscription {subscription_id} has {has}, not {expected}")

    def look_at_doors(self, refusals: dict[int, DenyReason | None], now_ms: int) -> None:
        """`refusals`: what gateways are told of each member; None: let in."""
        now = _local(now_ms)
        shut = self.switched_off("access", now_ms)
        for member_id, account_id in self.rows("SELECT id, account_id FROM member"):
            if member_id not in refusals:
                continue  # has no badge: the process died before it was given
            refusal = refusals[member_id]
            runs = self.rows(
                f"SELECT 1 FROM subscription WHERE member_id = ? AND EXISTS ({_BEGUN}) AND NOT EXISTS ({_OVER})",
                member_id, now.date().isoformat(), now.date().isoformat(),
            )  # fmt: skip
            may_shut, must_shut = self._dues(account_id, now)
            blocked = (account_id, None) in shut or (account_id, member_id) in shut
            who = f"member {member_id} at {now:%Y-%m-%d %H:%M} ({refusal})"
            if refusal is DenyReason.DUES_UNPAID and not may_shut:
                self.finding.breaks(12, f"{who} is refused for dues of less than {GRACE_DAYS} days")
            if refusal is None and (blocked or not runs or must_shut):
                self.finding.breaks(12, f"{who} is let in: blocked {blocked}, contract {bool(runs)}, dues {must_shut}")
            if refusal is not None and runs and not blocked and not may_shut:
                self.finding.breaks(12, f"{who} is refused and owes nothing")

    def switched_off(self, switch: str, now_ms: int) -> set[tuple[int, int | None]]:
        """Whom a block that dunning did not place holds one switch off for now: account, and member or all."""
        return set(self.rows(
            """SELECT account_id, member_id FROM block, json_each(block.switches) switch WHERE switch.value = ?
            AND source <> 'dunning' AND from_ms <= ? AND (until_ms IS NULL OR until_ms > ?)""", switch, now_ms, now_ms,
        ))  # fmt: skip

    def _dues(self, account_id: int, now: datetime.datetime) -> tuple[bool, bool]:
        """(dues may shut, dues must shut): some debt is past its grace; and no late first failure or debit excuses."""
        may = must = False
        for due_on, failed_on, held_until_ms in self.rows(f"""
            SELECT due_on,
                (SELECT starts_on FROM dunning_case WHERE invoice_id = invoice.id AND closed_at_ms IS NULL),
                (SELECT max(held_until_ms) FROM payment_attempt attempt JOIN payment_intent intent
                    ON intent.id = attempt.intent_id WHERE intent.invoice_id = invoice.id AND attempt.state <> 'over')
            FROM invoice WHERE account_id = ? AND {_OWED} > 0""", account_id):  # fmt: skip
            shut_on = datetime.date.fromisoformat(due_on) + datetime.timedelta(days=GRACE_DAYS)
            may = may or datetime.datetime.combine(shut_on, datetime.time(6), ZONE) <= now
            began_on = max(due_on, failed_on or due_on)
            late = (now.date() - datetime.date.fromisoformat(began_on)).days > GRACE_DAYS
            must = must or (late and (held_until_ms or 0) <= now.timestamp() * 1000)
        return may, must


def _local(instant_ms: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(instant_ms / 1000, ZONE)


def _month_starts(anchor: datetime.date, ends_on: datetime.date) -> Iterator[datetime.date]:
    for month in range(anchor.month - 1, anchor.month + 23):
        year, number = anchor.year + month // 12, month % 12 + 1
        start = datetime.date(year, number, min(anchor.day, calendar.monthrange(year, number)[1]))
        if start >= ends_on:
            return
        yield start
