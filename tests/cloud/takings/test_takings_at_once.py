"""Payments at the same instant: one chain, no number twice, no gap."""

import threading

from dues_gym import DUE, DuesGym, at
from portillon_cloud.takings.archive import faults
from portillon_cloud.takings.tables import taking
from sqlalchemy import select


def test_six_desks_at_once_make_one_chain(french: DuesGym) -> None:
    """Each waits for the one before it, over the end of a day too; the record is whole."""
    payers = [french.payer() for _ in range(6)]
    for payer in payers:
        french.owe(payer, due_on=DUE)
    start = threading.Barrier(len(payers))
    failed: list[Exception] = []

    def pay(index: int) -> None:
        start.wait()
        try:
            french.pay(payers[index], 1000 + index, now_ms=at(index % 2, 12), key=f"k-{index}")
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            failed.append(error)

    desks = [threading.Thread(target=pay, args=(index,)) for index in range(len(payers))]
    for desk in desks:
        desk.start()
    for desk in desks:
        desk.join(timeout=60)
    assert failed == []
    with french.db.read() as conn:
        assert list(conn.scalars(select(taking.c.number).order_by(taking.c.number))) == [1, 2, 3, 4, 5, 6]
        assert list(faults(conn, french.legal_entity_id)) == []
