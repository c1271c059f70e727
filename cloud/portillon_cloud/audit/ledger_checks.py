"""Invariants 9 and 11 on the ledger: every document is in the book once, and the book comes to what documents say."""

from portillon_cloud.audit.check import N_, Check
from portillon_cloud.audit.settled import SETTLED

_DEPOSITS = "SELECT legal_entity_id, 'deposits', -SUM(CASE WHEN kind LIKE 'deposit_back%' THEN -amount_minor"
_DOCUMENTS = """
    SELECT 'invoice' AS kind, CAST(id AS TEXT) AS source, currency, total_minor AS minor FROM invoice
    WHERE organisation_id = :organisation_id
    UNION ALL SELECT 'credit_note', CAST(id AS TEXT), currency, total_minor FROM credit_note
    WHERE organisation_id = :organisation_id
    UNION ALL SELECT 'payment', CAST(id AS TEXT), currency, amount_minor FROM payment
    WHERE organisation_id = :organisation_id
    UNION ALL SELECT 'write_off', CAST(id AS TEXT), currency, amount_minor FROM write_off
    WHERE organisation_id = :organisation_id
    UNION ALL SELECT 'payout', CAST(id AS TEXT), currency, amount_minor FROM payout
    WHERE organisation_id = :organisation_id
    UNION ALL SELECT 'payment_return', CAST(id AS TEXT), currency, amount_minor FROM payment_return
    WHERE organisation_id = :organisation_id
    UNION ALL SELECT 'payout_paid', CAST(id AS TEXT), currency, amount_minor FROM payout_paid
    WHERE organisation_id = :organisation_id
    UNION ALL SELECT 'payout_came_back', CAST(id AS TEXT), currency, amount_minor FROM payout_came_back
    WHERE organisation_id = :organisation_id
    UNION ALL SELECT 'dispute_opened', CAST(id AS TEXT), currency, amount_minor FROM dispute
    WHERE organisation_id = :organisation_id AND taken
    UNION ALL SELECT 'dispute_won', CAST(id AS TEXT), currency, amount_minor FROM dispute
    WHERE organisation_id = :organisation_id AND state = 'won'
    UNION ALL SELECT 'dispute_fee', CAST(id AS TEXT), currency, ABS(fee_minor) FROM dispute_fee
    WHERE organisation_id = :organisation_id
    UNION ALL SELECT 'manual', CAST(id AS TEXT), currency, amount_minor FROM manual_entry
    WHERE organisation_id = :organisation_id"""
_BOOKED = """
    SELECT e.kind, e.source, e.currency, COALESCE(SUM(p.amount_minor), 0) AS minor FROM ledger_entry e
    LEFT JOIN posting p ON p.entry_id = e.id
    WHERE e.organisation_id = :organisation_id
      AND e.kind IN ('invoice', 'credit_note', 'payment', 'write_off', 'payout', 'payment_return', 'manual',
                     'payout_paid', 'payout_came_back', 'dispute_opened', 'dispute_won', 'dispute_fee')
    GROUP BY e.kind, e.source, e.currency"""
# What each account (or group of them) must come to, debits less credits.
_EXPECTED = f"""
    SELECT i.legal_entity_id, 'receivable' AS name, SUM(i.total_minor - COALESCE(a.minor, 0)) AS minor FROM invoice i
    LEFT JOIN ({SETTLED}) a ON a.invoice_id = i.id
    WHERE i.organisation_id = :organisation_id GROUP BY i.legal_entity_id
    UNION ALL SELECT legal_entity_id, 'revenue', -SUM(net_minor) FROM invoice
    WHERE organisation_id = :organisation_id GROUP BY legal_entity_id
    UNION ALL SELECT legal_entity_id, 'revenue', SUM(net_minor) FROM credit_note
    WHERE organisation_id = :organisation_id GROUP BY legal_entity_id
    UNION ALL SELECT legal_entity_id, 'taxes', -SUM(tax_minor) FROM invoice
    WHERE organisation_id = :organisation_id GROUP BY legal_entity_id
    UNION ALL SELECT legal_entity_id, 'taxes', SUM(tax_minor) FROM credit_note
    WHERE organisation_id = :organisation_id GROUP BY legal_entity_id
    UNION ALL SELECT c.legal_entity_id, 'member_credit', -SUM(o.left_minor) FROM open_credit o
    JOIN account c ON c.id = o.account_id
    WHERE o.organisation_id = :organisation_id GROUP BY c.legal_entity_id
    UNION ALL SELECT legal_entity_id, 'refunds_due', -SUM(amount_minor) FROM payout
    WHERE organisation_id = :organisation_id GROUP BY legal_entity_id
    UNION ALL SELECT legal_entity_id, 'refunds_due', SUM(amount_minor) FROM payout_paid
    WHERE organisation_id = :organisation_id GROUP BY legal_entity_id
    UNION ALL SELECT legal_entity_id, 'refunds_due', -SUM(amount_minor) FROM payout_came_back
    WHERE organisation_id = :organisation_id GROUP BY legal_entity_id
    UNION ALL SELECT legal_entity_id, 'disputed', SUM(amount_minor) FROM dispute
    WHERE organisation_id = :organisation_id AND state IN ('open', 'answered') GROUP BY legal_entity_id
    UNION ALL SELECT legal_entity_id, 'bad_debt', SUM(amount_minor) FROM write_off
    WHERE organisation_id = :organisation_id GROUP BY legal_entity_id
    UNION ALL SELECT legal_entity_id, 'bad_debt', SUM(lost_minor) FROM payment_return
    WHERE organisation_id = :organisation_id GROUP BY legal_entity_id
    UNION ALL SELECT legal_entity_id, 'brought_forward', SUM(amount_minor) FROM payment
    WHERE organisation_id = :organisation_id AND means = 'brought' GROUP BY legal_entity_id
    UNION ALL {_DEPOSITS} ELSE amount_minor END) FROM manual_entry
    WHERE organisation_id = :organisation_id AND kind LIKE 'deposit%' GROUP BY legal_entity_id"""  # noqa: S608
_NAME = """CASE WHEN l.code IN ('deferred_revenue', 'revenue') THEN 'revenue'
                WHEN l.code LIKE 'tax%' THEN 'taxes' ELSE l.code END"""
_BALANCES = f"""
    SELECT l.legal_entity_id, {_NAME} AS name, s.minor
    FROM (SELECT debit_account_id AS id, SUM(amount_minor) AS minor FROM posting
          WHERE organisation_id = :organisation_id GROUP BY debit_account_id
          UNION ALL SELECT credit_account_id, -SUM(amount_minor) FROM posting
          WHERE organisation_id = :organisation_id GROUP BY credit_account_id) s
    JOIN ledger_account l ON l.id = s.id"""  # noqa: S608

LEDGER_CHECKS = (
    Check(
        code="document_is_posted",
        holds="Every invoice, credit note, payment, write-off, payout and manual entry is in the book once, whole.",
        says=N_("{subject} comes to {said_minor}, and {booked_minor} of it is in the ledger."),
        sql=f"""
        SELECT kind || ' ' || source AS subject, currency, SUM(said) AS said_minor, SUM(booked) AS booked_minor
        FROM (SELECT kind, source, currency, minor AS said, 0 AS booked FROM ({_DOCUMENTS}) d
              UNION ALL SELECT kind, source, currency, 0, minor FROM ({_BOOKED}) b) both_sides
        GROUP BY kind, source, currency
        HAVING SUM(said) <> SUM(booked)
        ORDER BY 1""",  # noqa: S608
    ),
    Check(
        code="ledger_comes_to_documents",
        holds="What members owe and have, revenue, taxes, deposits and losses are in the ledger what documents say.",
        says=N_(
            "Account {name} of legal entity {legal_entity_id} stands at {ledger_minor}; "
            "documents come to {documents_minor}."
        ),
        sql=f"""
        SELECT 'ledger ' || s.legal_entity_id || ':' || s.name AS subject, s.name, s.legal_entity_id, e.currency,
               SUM(s.ledger) AS ledger_minor, SUM(s.documents) AS documents_minor
        FROM (SELECT legal_entity_id, name, minor AS ledger, 0 AS documents FROM ({_BALANCES}) b
              UNION ALL SELECT legal_entity_id, name, 0, minor FROM ({_EXPECTED}) x) s
        JOIN legal_entity e ON e.id = s.legal_entity_id
        WHERE s.name NOT IN ('cash', 'cheques', 'bank', 'provider_clearing', 'provider_fees')
        GROUP BY s.legal_entity_id, s.name, e.currency
        HAVING SUM(s.ledger) <> SUM(s.documents)
        ORDER BY 1""",  # noqa: S608
    ),
    Check(
        code="closed_is_closed",
        holds="A closed accounting period takes no posting.",
        says=N_("Entry {entry} of {occurred_on} was written after the book was closed up to {through_on}."),
        sql="""
        SELECT 'ledger_entry ' || e.id AS subject, e.id AS entry, e.occurred_on, c.through_on
        FROM accounting_close c
        JOIN ledger_entry e ON e.legal_entity_id = c.legal_entity_id AND e.occurred_on <= c.through_on
         AND e.recorded_at_ms > c.closed_at_ms
        WHERE c.organisation_id = :organisation_id
          AND c.id = (SELECT MAX(n.id) FROM accounting_close n WHERE n.legal_entity_id = c.legal_entity_id)
        ORDER BY e.id""",
    ),
)
