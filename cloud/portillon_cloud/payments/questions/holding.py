"""Until when open questions hold their invoices. Only reads; access and charges ask it."""

from collections.abc import Collection

from sqlalchemy import Connection, bindparam, func, select

from portillon_cloud.payments.questions.tables import invoice_question, question_answer

_HOLDS = (
    select(invoice_question.c.invoice_id, func.max(invoice_question.c.holds_until_ms).label("until_ms"))
    .outerjoin_from(invoice_question, question_answer, question_answer.c.question_id == invoice_question.c.id)
    .where(invoice_question.c.invoice_id.in_(bindparam("invoice_ids", expanding=True)), question_answer.c.id.is_(None))
    .group_by(invoice_question.c.invoice_id)
)


def holds(conn: Connection, invoice_ids: Collection[int]) -> dict[int, int]:
    """Invoices about which a question is open, and the instant until which that holds them, be it over or not."""
    rows = conn.execute(_HOLDS, {"invoice_ids": sorted(set(invoice_ids))})
    return {row.invoice_id: row.until_ms for row in rows}
