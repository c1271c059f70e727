"""What comes next for an unpaid invoice, and what it waits for, where owners and the desk look."""

from portillon_cloud.dunning.coming import WaitsFor
from portillon_cloud.dunning.tables import dunning_case, dunning_step
from portillon_cloud.identity.roles import Role
from portillon_cloud.web.wording import WAITS
from sqlalchemy import select


def test_everything_that_is_waited_for_has_words() -> None:
    """And there is no word for what nothing waits for."""
    assert WAITS.keys() == set(WaitsFor)


def test_whoever_asked_is_waited_for(signed_in, csrf, gym) -> None:
    """Before the question the letter has its day; from then on list, account and invoice say what it waits for."""
    coming = select(dunning_case.c.invoice_id, dunning_case.c.account_id).join(
        dunning_step, dunning_step.c.case_id == dunning_case.c.id
    )
    with gym.services.db.read() as conn:
        invoice_id, account_id = conn.execute(
            coming.where(dunning_step.c.done_at_ms.is_(None), dunning_step.c.kind == "reminder").limit(1)
        ).one()
    desk = signed_in(Role.DESK)
    pages = ("/unpaid", f"/accounts/{account_id}", f"/invoices/{invoice_id}")
    assert not any("waits for an answer" in desk.get(page).text for page in pages)
    asked = {"csrf": csrf(desk.get(pages[2]).text), "text": "Why is it so much?", "request_key": "a-request-key"}
    desk.post(f"/invoices/{invoice_id}/questions", data=asked)
    assert all("waits for an answer" in desk.get(page).text for page in pages)
