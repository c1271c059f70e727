"""Invariants 9 and 10 on documents and payments: what is written adds up, is numbered, and is settled once."""

from collections.abc import Sequence

from portillon_cloud.audit.check import N_, Check
from portillon_cloud.audit.settled import SETTLED


def _adds_up(table: str, says: str) -> Check:
    return Check(
        code=f"{table}_adds_up",
        holds="The total is lines and taxes.",
        says=says,
        sql=f"""
        SELECT '{table} ' || d.id AS subject, d.series, d.number, d.currency, d.net_minor, d.tax_minor,
               COALESCE(l.net_minor, 0) AS lines_minor, COALESCE(t.tax_minor, 0) AS taxes_minor
        FROM {table} d
        LEFT JOIN (SELECT {table}_id AS id, SUM(net_minor) AS net_minor FROM {table}_line
                   WHERE organisation_id = :organisation_id GROUP BY {table}_id) l ON l.id = d.id
        LEFT JOIN (SELECT {table}_id AS id, SUM(amount_minor) AS tax_minor FROM {table}_tax
                   WHERE organisation_id = :organisation_id GROUP BY {table}_id) t ON t.id = d.id
        WHERE d.organisation_id = :organisation_id
          AND (d.net_minor <> COALESCE(l.net_minor, 0) OR d.tax_minor <> COALESCE(t.tax_minor, 0)
               OR d.total_minor <> d.net_minor + d.tax_minor)
        ORDER BY d.id""",  # noqa: S608
    )


_SPENT = (("allocation", "amount_minor", "a"), ("open_credit", "left_minor", "o"), ("payout", "amount_minor", "p"))
_TAKEN_BACK = ("payment_return", "from_credit_minor", "r")


def _source_is_spent(
    table: str, says: str, amount: str, name: str, *, ways: Sequence[tuple[str, str, str]] = _SPENT
) -> Check:
    """What a payment or a credit note brought is settled, waiting, or to be paid back: to the cent."""
    spent = " + ".join(f"COALESCE({alias}.minor, 0)" for _, _, alias in ways)
    sums = "\n".join(
        f"""LEFT JOIN (SELECT {table}_id AS id, SUM({column}) AS minor FROM {of}
                   WHERE organisation_id = :organisation_id AND {table}_id IS NOT NULL GROUP BY {table}_id) {alias}
          ON {alias}.id = d.id"""  # noqa: S608
        for of, column, alias in ways
    )
    return Check(
        code=f"{table}_is_spent_once",
        holds="What came in is settled with invoices, open as credit, or to be paid back: never more, never less.",
        says=says,
        sql=f"""
        SELECT '{table} ' || d.id AS subject, {name} AS name, d.currency, d.{amount} AS brought_minor,
               COALESCE(a.minor, 0) AS settled_minor, COALESCE(o.minor, 0) AS open_minor,
               COALESCE(p.minor, 0) AS back_minor
        FROM {table} d
        {sums}
        WHERE d.organisation_id = :organisation_id
          AND d.{amount} <> {spent}
        ORDER BY d.id""",  # noqa: S608
    )


_NUMBERED = """(SELECT legal_entity_id, series, number, issued_on FROM invoice
                WHERE organisation_id = :organisation_id
                UNION ALL
                SELECT legal_entity_id, series, number, issued_on FROM credit_note
                WHERE organisation_id = :organisation_id)"""

DOCUMENT_CHECKS = (
    _adds_up(
        "invoice",
        N_(
            "Invoice {series}-{number} says {net_minor} and {tax_minor} of taxes; "
            "its lines come to {lines_minor} and its taxes to {taxes_minor}."
        ),
    ),
    _adds_up(
        "credit_note",
        N_(
            "Credit note {series}-{number} says {net_minor} and {tax_minor} of taxes; "
            "its lines come to {lines_minor} and its taxes to {taxes_minor}."
        ),
    ),
    _source_is_spent(
        "payment",
        N_(
            "Payment {name} brought {brought_minor}; {settled_minor} settled invoices, {open_minor} is open as credit, "
            "{back_minor} is to be paid back."
        ),
        "amount_minor",
        "d.id",
        ways=(*_SPENT, _TAKEN_BACK),
    ),
    _source_is_spent(
        "credit_note",
        N_(
            "Credit note {name} brought {brought_minor}; {settled_minor} settled invoices, "
            "{open_minor} is open as credit, {back_minor} is to be paid back."
        ),
        "total_minor",
        "d.series || '-' || d.number",
    ),
    Check(
        code="owed_is_collected",
        holds="What is owed is the total less what is allocated, credited and written off, and just that is collected.",
        says=N_(
            "Invoice {series}-{number} comes to {total_minor} and {settled_minor} of it is settled; "
            "{collected_minor} is being collected."
        ),
        sql=f"""
        SELECT 'invoice ' || i.id AS subject, i.series, i.number, i.currency, i.total_minor,
               COALESCE(a.minor, 0) AS settled_minor, COALESCE(n.minor, 0) AS collected_minor
        FROM invoice i
        LEFT JOIN ({SETTLED}) a ON a.invoice_id = i.id
        LEFT JOIN (SELECT invoice_id, SUM(amount_minor) AS minor FROM payment_intent
                   WHERE organisation_id = :organisation_id AND state IN ('open', 'parked')
                   GROUP BY invoice_id) n ON n.invoice_id = i.id
        WHERE i.organisation_id = :organisation_id
          AND i.total_minor - COALESCE(a.minor, 0) <> COALESCE(n.minor, 0)
        ORDER BY i.id""",  # noqa: S608
    ),
    Check(
        code="numbers_have_no_gap",
        holds="Numbers run from 1 to n without a gap.",
        says=N_(
            "Series {series} of legal entity {legal_entity_id} has {documents} documents, numbered {first} to {last}; "
            "its counter stands at {counter}."
        ),
        sql=f"""
        SELECT 'series ' || d.legal_entity_id || ':' || d.series AS subject, d.legal_entity_id, d.series,
               COUNT(*) AS documents, MIN(d.number) AS first, MAX(d.number) AS last,
               MAX(COALESCE(s.last_number, 0)) AS counter
        FROM {_NUMBERED} d
        LEFT JOIN number_series s ON s.legal_entity_id = d.legal_entity_id AND s.series = d.series
        GROUP BY d.legal_entity_id, d.series
        HAVING MIN(d.number) <> 1 OR MAX(d.number) <> COUNT(*) OR MAX(COALESCE(s.last_number, 0)) <> COUNT(*)
        ORDER BY 1""",  # noqa: S608
    ),
    Check(
        code="numbers_follow_the_calendar",
        holds="A later number is never of an earlier day.",
        says=N_("Number {number} of series {series} is of {issued_on}, the number before it of {before_on}."),
        sql=f"""
        SELECT 'series ' || legal_entity_id || ':' || series || ' number ' || number AS subject, series, number,
               issued_on, before_on
        FROM (SELECT d.*, LAG(issued_on) OVER (PARTITION BY legal_entity_id, series ORDER BY number) AS before_on
              FROM {_NUMBERED} d) o
        WHERE issued_on < before_on
        ORDER BY legal_entity_id, series, number""",  # noqa: S608
    ),
    Check(
        code="credited_within_its_line",
        holds="No more of a line is taken back than was billed.",
        says=N_(
            "Line {line} of invoice {invoice} was billed at {billed_minor}, and {credited_minor} of it taken back."
        ),
        sql="""
        SELECT 'invoice_line ' || l.id AS subject, l.id AS line, l.invoice_id AS invoice, i.currency,
               l.priced_minor AS billed_minor, c.minor AS credited_minor
        FROM invoice_line l
        JOIN invoice i ON i.id = l.invoice_id
        JOIN (SELECT invoice_line_id, SUM(priced_minor) AS minor FROM credit_note_line
              WHERE organisation_id = :organisation_id GROUP BY invoice_line_id) c ON c.invoice_line_id = l.id
        WHERE l.organisation_id = :organisation_id
          AND (ABS(c.minor) > ABS(l.priced_minor) OR (c.minor > 0 AND l.priced_minor < 0)
               OR (c.minor < 0 AND l.priced_minor > 0))
        ORDER BY l.id""",
    ),
    Check(
        code="billed_once",
        holds="One live line for each start of a component; only a full reversal opens the next generation.",
        says=N_(
            "Subscription {subscription}, {component} from {period_start}: {live} of {lines} lines are live, "
            "the newest is of generation {generation}."
        ),
        sql="""
        SELECT 'subscription ' || l.subscription_id || ' ' || l.component || ' ' || l.period_start || ' '
               || l.start_second AS subject, l.subscription_id AS subscription, l.component, l.period_start,
               SUM(CASE WHEN l.priced_minor <> COALESCE(c.minor, 0) THEN 1 ELSE 0 END) AS live,
               COUNT(*) AS lines, MAX(l.generation) AS generation
        FROM invoice_line l
        LEFT JOIN (SELECT invoice_line_id, SUM(priced_minor) AS minor FROM credit_note_line
                   WHERE organisation_id = :organisation_id GROUP BY invoice_line_id) c ON c.invoice_line_id = l.id
        WHERE l.organisation_id = :organisation_id AND l.subscription_id IS NOT NULL
        GROUP BY l.subscription_id, l.component, l.period_start, l.start_second
        HAVING SUM(CASE WHEN l.priced_minor <> COALESCE(c.minor, 0) THEN 1 ELSE 0 END) > 1
            OR COUNT(*) <> MAX(l.generation)
        ORDER BY 1""",
    ),
    Check(
        code="charged_once",
        holds="At most one successful attempt per intent, and its payment is what was owed.",
        says=N_("{owed_minor} was to be charged; {successes} attempts succeeded and {paid_minor} was booked."),
        sql="""
        SELECT 'payment_intent ' || n.id AS subject, n.currency, n.amount_minor AS owed_minor,
               COUNT(*) AS successes, COALESCE(SUM(p.amount_minor), 0) AS paid_minor
        FROM attempt_outcome o
        JOIN payment_intent n ON n.id = o.intent_id
        LEFT JOIN payment p ON p.attempt_id = o.attempt_id
        WHERE o.organisation_id = :organisation_id AND o.outcome = 'succeeded'
        GROUP BY n.id, n.currency, n.amount_minor
        HAVING COUNT(*) > 1 OR COALESCE(SUM(p.amount_minor), 0) <> n.amount_minor
        ORDER BY n.id""",
    ),
)
