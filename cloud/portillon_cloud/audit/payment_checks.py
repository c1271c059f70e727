"""What is paid back is paid once, and what a provider tells is acted on."""

from portillon_cloud.audit.check import N_, Check

PAYMENT_CHECKS = (
    Check(
        code="paid_out_once",
        holds="What is owed to a member is paid out once, whatever comes back and is paid again.",
        says=N_("{subject} was paid out {times} times: {paid_minor} of {owed_minor}."),
        sql="""
        SELECT 'payout ' || o.id AS subject, o.currency, COUNT(*) AS times, SUM(p.amount_minor) AS paid_minor,
               o.amount_minor AS owed_minor
        FROM payout o JOIN payout_paid p ON p.payout_id = o.id
        LEFT JOIN payout_came_back b ON b.payout_paid_id = p.id
        WHERE o.organisation_id = :organisation_id AND b.id IS NULL
        GROUP BY o.id, o.currency, o.amount_minor
        HAVING COUNT(*) > 1
        ORDER BY o.id""",
    ),
    Check(
        code="told_is_acted_on",
        holds="What a payment provider tells is acted on.",
        says=N_(
            "{subject} ({kind}) could not be acted on: {error}. Put right what it says, then have it acted on again."
        ),
        sql="""
        SELECT 'event ' || event_id AS subject, kind, error FROM inbox_event
        WHERE organisation_id = :organisation_id AND state = 'parked'
        ORDER BY id""",
    ),
)
