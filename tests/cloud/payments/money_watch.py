"""What must hold of the money at any instant, whatever happens: DESIGN §8 invariants 9 and 10, and who may pass.

It shares no code with what it watches but two answers: what a gateway is told, and what the desk is told. What the
service took is read in its own books; who owes how much since when is counted here anew, from rows alone.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta

from cloud.payments.money_world import SERVICE, World
from portillon_cloud.access.entitlement import Grant, answer_at
from portillon_cloud.access.operations import member_rows
from portillon_cloud.audit.operations import CHECKS
from portillon_cloud.clock.local import start_of_day_ms
from portillon_cloud.ledger import LedgerCode
from portillon_rules.decision import DecisionTime, DoorView, Granted, SiteRules, TimeQuality, decide
from portillon_rules.policy import SitePolicy
from sqlalchemy import Connection, text

ZONE = "America/Toronto"
GRACE_DAYS, STEP_HOUR = 10, 6
"""Of the policy that a gym has unless it chose another; no clock changes between midnight and six on these days."""

DOOR, SITE = DoorView("lane", "gym"), SiteRules(SitePolicy(time_zone=ZONE), {})
OURS = ("document_is_posted", "ledger_comes_to_documents", "payment_is_spent_once", "paid_out_once")
"""The audit's own checks of money; the others are of documents, which this gym's are not whole enough for."""

_PAID = "coalesce((SELECT sum(amount_minor) FROM allocation WHERE invoice_id = invoice.id), 0)"
_UNDONE = "coalesce((SELECT sum(amount_minor) FROM allocation_undone WHERE invoice_id = invoice.id), 0)"
_OWED = f"(invoice.total_minor - {_PAID} + {_UNDONE})"
_ASKED = """coalesce((SELECT sum(amount_minor) FROM payment_intent WHERE invoice_id = invoice.id
    AND state IN ('open', 'parked')), 0)"""
FORBIDDEN = {
    "an intent has two successes": """SELECT intent_id FROM attempt_outcome WHERE outcome = 'succeeded'
        GROUP BY intent_id HAVING count(*) > 1""",
    "an intent has two live attempts": """SELECT intent_id FROM payment_attempt WHERE state <> 'over'
        GROUP BY intent_id HAVING count(*) > 1""",
    "more was allocated to an invoice than it comes to": f"SELECT id FROM invoice WHERE {_OWED} < 0",
    "what is asked for is not what is owed": f"SELECT id, {_OWED}, {_ASKED} FROM invoice WHERE {_OWED} <> {_ASKED}",
    "a payment is spent twice": """SELECT p.id FROM payment p WHERE p.amount_minor <>
        coalesce((SELECT sum(amount_minor) FROM allocation WHERE payment_id = p.id), 0)
        + coalesce((SELECT sum(left_minor) FROM open_credit WHERE payment_id = p.id), 0)
        + coalesce((SELECT sum(amount_minor) FROM payout WHERE payment_id = p.id), 0)
        + coalesce((SELECT sum(from_credit_minor) FROM payment_return WHERE payment_id = p.id), 0)""",
    "a timer's handler failed": "SELECT key, error FROM timer WHERE error IS NOT NULL",
}
"""Queries that must find nothing at any instant."""

FORBIDDEN_AT_REST = {
    "something is told and not acted on": """SELECT event_id, error FROM inbox_event
        WHERE state IN ('waiting', 'parked')""",
    "a charge is under way that nobody asks after": """SELECT attempt.key, attempt.state FROM payment_attempt attempt
        JOIN payment_intent intent ON intent.id = attempt.intent_id
        WHERE attempt.state <> 'over' AND intent.state = 'open' AND NOT EXISTS (
            SELECT 1 FROM timer JOIN payment_intent other ON other.id = timer.subject_id WHERE timer.kind = 'charge'
            AND timer.state = 'ready' AND other.invoice_id = intent.invoice_id)""",
    "dunning goes on about what is paid": f"""SELECT dunning_case.id FROM dunning_case
        JOIN invoice ON invoice.id = dunning_case.invoice_id WHERE closed_at_ms IS NULL AND {_OWED} = 0""",
}
"""Queries that must find nothing once everything was heard and done."""


class Watch:
    """Looks at one world."""

    def __init__(self, world: World) -> None:
        self.world = world

    def look(self) -> None:
        """All that holds at any instant, in the middle of any work."""
        with self.world.db.read() as conn:
            _nothing(conn, FORBIDDEN)
            self._audit(conn)
            self._charged_once(conn)
            for account_id in self.world.members:
                self._standing(conn, account_id, heard=False)

    def look_at_rest(self) -> None:
        """All that holds beside that, once everything was heard and done."""
        self.look()
        with self.world.db.read() as conn:
            _nothing(conn, FORBIDDEN_AT_REST)
            self._books_agree(conn)
            for account_id in self.world.members:
                self._standing(conn, account_id, heard=True)
        assert self.world.gym.balance_minor(LedgerCode.PROVIDER_CLEARING) == self._at_the_service(), (
            "the book's account of the service is not what the service has"
        )

    # Money

    def _audit(self, conn: Connection) -> None:
        for check in CHECKS:
            if check.code in OURS:
                found = conn.execute(text(check.sql), self.world.ids).all()
                assert not found, f"{check.code}: {found}"

    def _charged_once(self, conn: Connection) -> None:
        taken, of_invoice = Counter[int](), Counter[int]()
        recorded = {
            row.key: row.amount_minor
            for row in conn.execute(
                text("SELECT a.key, p.amount_minor FROM payment p JOIN payment_attempt a ON a.id = p.attempt_id")
            )
        }
        invoices = _pairs(conn, "SELECT id, invoice_id FROM payment_intent")
        totals = _pairs(conn, "SELECT id, total_minor FROM invoice")
        succeeded: Counter[str] = Counter()
        for intent_id, key, status, minor in self._charges():
            if status in ("succeeded", "processing"):
                taken[intent_id] += 1
                of_invoice[invoices[intent_id]] += minor
            if status == "succeeded":
                succeeded[key] += minor
        assert all(times == 1 for times in taken.values()), f"the service charged twice for one intent: {taken}"
        lost = self._lost(invoices)
        for invoice_id, minor in of_invoice.items():
            assert minor - lost[invoice_id] <= totals[invoice_id], f"the service took {minor} for invoice {invoice_id}"
        made_up = {key for key, minor in recorded.items() if succeeded[key] != minor}
        assert not made_up, f"payments are recorded that the service never took: {made_up}"

    def _books_agree(self, conn: Connection) -> None:
        """What people handed over and the service took is what invoices, credits and payouts account for."""
        recorded = set(conn.execute(text("SELECT attempt_id FROM payment WHERE attempt_id IS NOT NULL")).scalars())
        keys = {row.key: row.id for row in conn.execute(text("SELECT id, key FROM payment_attempt"))}
        for _, key, status, _ in self._charges():
            if status == "succeeded":
                assert keys.get(key) in recorded, f"the service took money for {key}, and nobody knows of it"

        def total(query: str) -> int:
            return int(conn.execute(text(f"SELECT coalesce(sum({query}")).scalar_one())

        brought = total("amount_minor), 0) FROM payment WHERE attempt_id IS NULL")
        bounced = total("amount_minor), 0) FROM payment_return WHERE kind = 'bounced'")
        taken = sum(minor for _, _, status, minor in self._charges() if status == "succeeded")
        lost = self._lost(_pairs(conn, "SELECT id, invoice_id FROM payment_intent")).total()
        outside = total("total_minor), 0) FROM invoice") - brought + bounced - taken + lost
        inside = (
            total(f"{_OWED}), 0) FROM invoice")
            - total("left_minor), 0) FROM open_credit")
            - total("amount_minor), 0) FROM payout")
            + total("lost_minor), 0) FROM payment_return")
        )
        assert inside == outside, f"accounts say that {inside} is open, the world says {outside}"

    def _charges(self) -> Iterator[tuple[int, str, str, int]]:
        """Intent, key, status and amount of each charge of ours, by the service's own books."""
        with self.world.books.open(SERVICE) as book:
            for one in list(book.all("payment_intent")):
                key = one["metadata"]["portillon_ref"].partition("/")[2].partition("~")[0]
                yield int(key.removeprefix("intent-").partition(":")[0]), key, one["status"], one["amount"]

    def _lost(self, invoices: dict[int, int]) -> Counter[int]:
        """What banks took back for good, of each invoice."""
        with self.world.books.open(SERVICE) as book:
            lost: Counter[int] = Counter()
            for one in book.all("dispute"):
                if one["status"] == "lost":
                    of = book.get("payment_intent", one["payment_intent"])["metadata"]["portillon_ref"]
                    lost[invoices[int(of.partition("/intent-")[2].partition(":")[0])]] += one["amount"]
            return lost

    def _at_the_service(self) -> int:
        with self.world.books.open(SERVICE) as book:
            return sum(one["amount"] for one in book.all("balance_transaction") if one["type"] != "payout")

    # Doors

    def _standing(self, conn: Connection, account_id: int, *, heard: bool) -> None:
        """Rules, desk and gateway; a gateway may learn late that somebody may pass again, never the other way round."""
        world = self.world
        found = member_rows(
            conn, world.gym.keyring, member_id=world.members[account_id], now_ms=world.now_ms, **world.ids
        )
        assert found is not None
        facts, who, _ = found
        open_now = isinstance(answer_at(facts, who, world.now_ms), Grant)
        should = self._may_pass(conn, account_id)
        assert open_now is should, f"account {account_id} at {world.now_ms}: passes {open_now}, by the rows {should}"
        time = DecisionTime(world.now_ms, TimeQuality.CERTAIN, 1)
        offline = isinstance(decide(lookup=world.rows.get(account_id), door=DOOR, site=SITE, time=time), Granted)
        assert should or not offline, f"the gateway lets account {account_id} in"
        assert offline is should or not heard, f"the gateway shuts account {account_id} out"

    def _may_pass(self, conn: Connection, account_id: int) -> bool:
        """From rows alone: the contract runs, no bank suspects them, and nothing is owed for longer than the grace."""
        now_ms, of = self.world.now_ms, {"account_id": account_id}
        ends_on = conn.execute(text("SELECT ends_on FROM contract WHERE account_id = :account_id"), of).scalar_one()
        if now_ms >= start_of_day_ms(_day(ends_on), ZONE):
            return False
        suspected = conn.execute(
            text("""SELECT id FROM dispute WHERE account_id = :account_id AND NOT debit AND (
                state IN ('open', 'answered') OR (state = 'lost' AND cleared_at_ms IS NULL))"""),
            of,
        )
        if suspected.first() is not None:
            return False
        return all(now_ms < _ripe_ms(row) for row in conn.execute(text(_DEBTS), of))


_DEBTS = """
    SELECT coalesce(intent.due_on, invoice.due_on) AS due_on,
        (SELECT starts_on FROM dunning_case WHERE invoice_id = invoice.id AND closed_at_ms IS NULL) AS failed_on,
        coalesce((SELECT max(held_until_ms) FROM payment_attempt WHERE intent_id = intent.id), 0) AS held_ms,
        coalesce((SELECT max(holds_until_ms) FROM invoice_question question WHERE invoice_id = invoice.id AND NOT EXISTS
            (SELECT 1 FROM question_answer WHERE question_id = question.id)), 0) AS asked_ms
    FROM payment_intent intent JOIN invoice ON invoice.id = intent.invoice_id
    WHERE intent.account_id = :account_id AND intent.state IN ('open', 'parked')"""


def _ripe_ms(debt: object) -> int:
    """When a debt shuts the door: a grace after it fell due or failed, and not while a debit or a question holds it."""
    due_on, failed_on = _day(debt.due_on), debt.failed_on  # type: ignore[attr-defined]
    since = due_on if failed_on is None else max(due_on, _day(failed_on))
    shuts_ms = start_of_day_ms(since + timedelta(days=GRACE_DAYS), ZONE) + STEP_HOUR * 3_600_000
    return max(shuts_ms, debt.held_ms, debt.asked_ms)  # type: ignore[attr-defined]


def _day(value: str | date) -> date:
    return date.fromisoformat(value) if isinstance(value, str) else value


def _pairs(conn: Connection, query: str) -> dict[int, int]:
    return {first: second for first, second in conn.execute(text(query))}


def _nothing(conn: Connection, queries: dict[str, str]) -> None:
    for what, query in queries.items():
        found = conn.execute(text(query)).all()
        assert not found, f"{what}: {found}"
