"""The mark that says whether a live page is worth drawing again."""

import pytest
from portillon_cloud.clock.operations import set_rate
from portillon_cloud.gateways.tables import feed_state, gateway_status
from portillon_cloud.outbox import account_changed
from portillon_cloud.payments.operations import DeskPayment, take_payment
from portillon_cloud.payments.tables import Means
from portillon_cloud.reports.change_mark import change_mark
from sqlalchemy import event, update

CHANGES = {
    "a badge": lambda gym, conn: gym.write_event(conn, "denied", at_ms=1, reason="expired"),
    "a gateway goes offline": lambda gym, conn: conn.execute(update(gateway_status).values(online=False)),
    "a gateway confirms": lambda gym, conn: conn.execute(update(feed_state).values(acked_revision=215)),
    "a lane reports a fault": lambda gym, conn: conn.execute(update(gateway_status).values(reported_at_ms=5)),
    "the clock stands still": lambda gym, conn: set_rate(conn, gym.organisation_id, rate=0, real_ms=1),
    "somebody is blocked": lambda gym, conn: account_changed(conn, gym.organisation_id, gym.accounts[0]),
    "a payment": lambda gym, conn: take_payment(
        conn,
        DeskPayment(
            organisation_id=gym.organisation_id, account_id=gym.accounts[0], amount_minor=6897, currency="CAD",
            means=Means.CASH, request_key="abcdefgh", taken_by="Camille",
        ),
        now_ms=1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_the_mark_moves_when_something_changes(gym, services, change):
    """Whatever the live page shows at once moves the mark."""
    with services.db.write() as conn:
        before = change_mark(conn, gym.organisation_id)
        assert change_mark(conn, gym.organisation_id) == before
        CHANGES[change](gym, conn)
        assert change_mark(conn, gym.organisation_id) != before


def test_the_mark_scans_no_table(gym, services):
    """However long the history, the mark costs a few look-ups: each maximum is one seek to the end of an index."""
    statements = []
    with services.db.read() as conn:
        event.listen(conn, "before_cursor_execute", lambda *given: statements.append((given[2], given[3])))
        change_mark(conn, gym.organisation_id)
    assert len(statements) == 3
    with services.db.read() as conn:
        for statement, parameters in statements:
            program = conn.exec_driver_sql(f"EXPLAIN {statement}", parameters).all()
            steps = [row[1] for row in program]
            maxima = statement.count("max(")
            # SQLite's program for max(id) seeks to the last row and stops; a scan would step over all with Next.
            assert steps.count("Last") + steps.count("SeekLE") >= maxima
            assert maxima == 0 or "Next" not in steps
