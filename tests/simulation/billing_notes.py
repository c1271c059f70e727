"""What must hold of credit notes, the credit that they leave, and subscriptions that were changed.

The documents by plain SQL; whether they are the right ones by the pure engine: what is billed, less what was credited,
is what the recorded events cost, day by day (ADR 0014).
"""

import datetime
from collections import defaultdict
from collections.abc import Mapping, Sequence

from portillon_cloud.billing import event_store
from portillon_cloud.billing.catalogue import prices_of_entity
from portillon_cloud.billing.difference import Billed, difference
from portillon_cloud.billing.life import Condition, Recorded, life_on
from portillon_cloud.billing.proration import Proration
from portillon_cloud.billing.span import Span, shared
from portillon_cloud.billing.timeline import stretches
from portillon_cloud.billing.wanted import tariff_minor, wanted
from portillon_cloud.database import Database
from simulation.billing_watch import Watch

POLICY = Proration.REAL_DAYS
BILLS, DOORS = 10, 12
"""The invariants that break with what is looked at here."""

FORBIDDEN: tuple[tuple[int, str, str], ...] = (
    (9, "a credit note is not its lines plus its taxes", """
        SELECT id FROM credit_note WHERE total_minor <> net_minor + tax_minor
        OR net_minor <> (SELECT sum(net_minor) FROM credit_note_line WHERE credit_note_id = credit_note.id)
        OR tax_minor <> (SELECT coalesce(sum(amount_minor), 0) FROM credit_note_tax
                         WHERE credit_note_id = credit_note.id)"""),
    (9, "the series of credit notes has a gap", """
        SELECT legal_entity_id, series, count(*), max(number) FROM credit_note GROUP BY legal_entity_id, series
        HAVING count(DISTINCT number) <> count(*) OR min(number) <> 1 OR max(number) <> count(*)"""),
    (9, "a credit note was numbered on an earlier day than the one before", """
        SELECT * FROM (SELECT number, issued_on, lag(issued_on) OVER (
            PARTITION BY legal_entity_id, series ORDER BY number) AS before FROM credit_note)
        WHERE before > issued_on"""),
    (9, "more was credited of a line than it was billed for", """
        SELECT line.id, line.priced_minor, sum(credit.priced_minor) FROM credit_note_line credit
        JOIN invoice_line line ON line.id = credit.invoice_line_id GROUP BY line.id
        HAVING abs(sum(credit.priced_minor)) > abs(line.priced_minor)
        OR sum(credit.priced_minor) * line.priced_minor < 0"""),
    (9, "more was credited of an invoice than it comes to", """
        SELECT invoice.id, invoice.net_minor, invoice.tax_minor, sum(note.net_minor), sum(note.tax_minor)
        FROM credit_note note JOIN invoice ON invoice.id = note.invoice_id GROUP BY invoice.id
        HAVING sum(note.net_minor) > invoice.net_minor OR sum(note.tax_minor) > invoice.tax_minor"""),
    (9, "more of a tax was credited than was billed", """
        SELECT note.invoice_id, back.tax, sum(back.amount_minor) FROM credit_note_tax back
        JOIN credit_note note ON note.id = back.credit_note_id
        JOIN invoice_tax tax ON tax.invoice_id = note.invoice_id AND tax.tax = back.tax
        GROUP BY note.invoice_id, back.tax HAVING sum(back.amount_minor) > tax.amount_minor"""),
    (9, "open credit is not what its source has left", """
        SELECT * FROM (
            SELECT 'payment' AS source, payment.id, amount_minor
                - coalesce((SELECT sum(amount_minor) FROM allocation WHERE payment_id = payment.id), 0)
                - coalesce((SELECT sum(from_credit_minor) FROM payment_return WHERE payment_id = payment.id), 0)
                AS has_left,
                coalesce((SELECT left_minor FROM open_credit WHERE payment_id = payment.id), 0) AS open
            FROM payment
            UNION ALL SELECT 'note', note.id, total_minor
                - coalesce((SELECT sum(amount_minor) FROM allocation WHERE credit_note_id = note.id), 0),
                coalesce((SELECT left_minor FROM open_credit WHERE credit_note_id = note.id), 0)
            FROM credit_note note) WHERE has_left <> open"""),
)  # fmt: skip
"""Must find nothing at any instant."""


class NotesWatch:
    """Looks at what was changed and credited."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def look(self) -> None:
        """At any instant."""
        self._watch.find_nothing(FORBIDDEN)

    def look_at_rest(self, db: Database, legal_entity_id: int, today: datetime.date, now_ms: int) -> None:
        """When nothing is left to do: every subscription's documents against the pure engine, and who is frozen."""
        self.look()
        known = [row[0] for row in self._watch.rows("SELECT id FROM subscription ORDER BY id")]
        with db.read() as conn:
            events = event_store.recorded(conn, known)
            billed = event_store.billed(conn, known, prices_of_entity(conn, legal_entity_id))
        held = self._held(now_ms)
        for subscription_id in known:
            lines = billed.get(subscription_id, ())
            self._once_only(subscription_id, lines)
            if subscription_id not in held:
                self._is_what_it_costs(subscription_id, events[subscription_id], lines, today)
        self._frozen_are_shut_out(events, today, now_ms)

    def _is_what_it_costs(
        self, subscription_id: int, recorded: Sequence[Recorded], lines: Sequence[Billed], today: datetime.date
    ) -> None:
        events = [one.event for one in recorded]
        # What was billed ahead counts as far as it is still billed; of what has begun all must be.
        horizon_on = max([today, *(line.span.end.day for line in lines)])
        expected_minor = 0
        for piece in wanted(stretches(events), horizon_on, POLICY):
            if piece.span.start.day <= today:
                expected_minor += piece.amount_minor
                continue
            alike = (piece.component, piece.tariff, piece.cycle)
            left = [span for line in lines if (line.component, line.tariff, line.cycle) == alike for span in line.left]
            expected_minor += sum(
                tariff_minor(piece.tariff, span, cycle=piece.cycle, policy=POLICY)
                for span in shared([piece.span], left)
            )
        stands_minor = sum(line.left_minor for line in lines)
        who = f"on {today} subscription {subscription_id}"
        if stands_minor != expected_minor:
            self._watch.finding.breaks(BILLS, f"{who} is billed {stands_minor}, and its events cost {expected_minor}")
        left_to_do = difference(events, lines, until_on=today, policy=POLICY)
        if left_to_do.lines or left_to_do.credits:
            self._watch.finding.breaks(BILLS, f"{who}: something is left to bill or to credit")

    def _once_only(self, subscription_id: int, lines: Sequence[Billed]) -> None:
        """No moment is billed twice, but where a credit note took it back in between."""
        spans: defaultdict[str, list[Span]] = defaultdict(list)
        for line in lines:
            met = shared(line.left, spans[line.component])
            if met:
                self._watch.finding.breaks(BILLS, f"subscription {subscription_id} is billed twice for {met[0]}")
            spans[line.component] += line.left

    def _held(self, now_ms: int) -> set[int]:
        """Subscriptions whose own account's invoices are held back, or those of who pays a part."""
        accounts = {account for account, member in self._watch.switched_off("invoicing", now_ms) if member is None}
        rows = self._watch.rows("SELECT id, account_id, bill_with_id FROM subscription")
        return {subscription_id for subscription_id, *payers in rows if not accounts.isdisjoint(payers)}

    def _frozen_are_shut_out(self, events: Mapping[int, Sequence[Recorded]], today: datetime.date, now_ms: int) -> None:
        """A freeze's block stands exactly while the freeze does."""
        sources = self._watch.rows(
            "SELECT source FROM block WHERE source LIKE 'freeze:%' AND from_ms <= ? "
            "AND (until_ms IS NULL OR until_ms > ?)", now_ms, now_ms,
        )  # fmt: skip
        blocked = {int(source.split(":")[1]) for (source,) in sources}
        for subscription_id, recorded in events.items():
            life = life_on(recorded, today)
            frozen = life.condition is Condition.FROZEN
            ended = life.condition is Condition.ENDED
            if frozen is not (subscription_id in blocked) and not ended:
                self._watch.finding.breaks(
                    DOORS, f"on {today} subscription {subscription_id} is frozen: {frozen}; its block says not so"
                )
