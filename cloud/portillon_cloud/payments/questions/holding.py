"""Until when open questions hold their invoices. Only reads; access and charges ask it."""

from collections.abc import Collection

from sqlalchemy import Connection, func, select

from portillon_cloud.payments.questions.tables import invoice_question, question_answer


def holds(conn: Connection, invoice_ids: Collection[int]) -> dict[int, int]:
    """Invoices about which a question is open, and the instant until which that holds them, be it over or not."""
    column = invoice_question.c
    rows = conn.execute(
        select(column.invoice_id, func.max(column.holds_until_ms).label("until_ms"))
        .outerjoin_from(invoice_question, question_answer, question_answer.c.question_id == column.id)
        .where(column.invoice_id.in_(sorted(set(invoice_ids))), question_answer.c.id.is_(None))
        .group_by(column.invoice_id)
    )
    return {row.invoice_id: row.until_ms for row in rows}
