"""What of each invoice is settled: allocated, and not taken back since. One piece of SQL for every check that asks."""

SETTLED = """SELECT invoice_id, SUM(amount_minor) AS minor FROM (
                   SELECT invoice_id, amount_minor FROM allocation WHERE organisation_id = :organisation_id
                   UNION ALL
                   SELECT invoice_id, -amount_minor FROM allocation_undone WHERE organisation_id = :organisation_id
               ) settled GROUP BY invoice_id"""
