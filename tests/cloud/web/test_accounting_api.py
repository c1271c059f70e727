"""The book over the API: balances and statements that agree, months closed and reopened, acts with who and why."""

from datetime import date

import pytest
from cloud.web.conftest import BUSINESS_MS
from portillon_cloud.billing.operations import run_invoices
from portillon_cloud.identity.roles import Role
from portillon_cloud.ledger.tables import posting
from portillon_cloud.payments.receipts import Receipt, receive
from portillon_cloud.payments.tables import Means
from sqlalchemy import text


def keys(gym, role=Role.OWNER, key=None):
    headers = {"Authorization": f"Bearer {gym.keys[role]}"}
    return {"headers": headers if key is None else {**headers, "Idempotency-Key": key}}


@pytest.fixture
def billed(client, gym):
    """The account of a member who was billed 59.99 and taxes on 1 March, and its invoice."""
    new = {"member_id": gym.members[11], "price_id": gym.price_id, "starts_on": "2025-03-01", "another": True}
    assert client.post("/api/v1/subscriptions", json=new, **keys(gym, Role.DESK)).status_code == 201
    before = set(gym.invoices)
    run_invoices(gym.services.db, gym.legal_entity_id, on=date(2025, 3, 12), now_ms=BUSINESS_MS)
    account_id = gym.accounts[11]
    found = client.get(f"/api/v1/invoices?account_id={account_id}&limit=200", **keys(gym)).json()["items"]
    [made] = [one for one in found if one["id"] not in before]
    return account_id, made["id"]


def book(gym):
    return f"/api/v1/legal-entities/{gym.legal_entity_id}"


def test_the_trial_balance_by_date_and_as_csv(client, gym, billed):
    """The two sides are equal, a day before the invoice nothing is there, and a spreadsheet gets the same."""
    found = client.get(f"{book(gym)}/trial-balance", **keys(gym, Role.DESK)).json()
    lines = {one["account"]: one["balance_minor"] for one in found["lines"]}
    assert found["debit_minor"] == found["credit_minor"] == 68_97
    assert (lines["receivable"], lines["deferred_revenue"]) == (68_97, -59_99)
    earlier = client.get(f"{book(gym)}/trial-balance?until=2025-03-11", **keys(gym)).json()
    assert (earlier["debit_minor"], earlier["closed_through"]) == (0, None)
    sheet = client.get(f"{book(gym)}/trial-balance?format=csv", **keys(gym))
    assert sheet.headers["content-type"].startswith("text/csv")
    assert "receivable,asset,68.97,0.00,68.97,CAD" in sheet.text.splitlines()
    assert client.get("/api/v1/legal-entities/999/trial-balance", **keys(gym)).status_code == 404
    assert client.get(f"{book(gym)}/trial-balance", **keys(gym, Role.TECHNICIAN)).status_code == 403


def test_a_statement_leads_from_the_opening_to_the_closing(client, gym, billed):
    """Each line moves the balance; what lies before is the opening; what is written off or paid back stands in it."""
    account_id, invoice_id = billed
    path = f"/api/v1/accounts/{account_id}"
    before = client.get(f"{path}/statement?from=2025-01-01&through=2025-03-11", **keys(gym)).json()
    off = {"reason": "moved abroad", "amount_minor": 8_97}
    done = client.post(f"{path}/invoices/{invoice_id}/write-offs", json=off, **keys(gym, key="lost-one-1"))
    assert done.status_code == 201, done.text
    again = client.post(f"{path}/invoices/{invoice_id}/write-offs", json=off, **keys(gym, key="lost-one-1"))
    assert again.json() == done.json()
    found = client.get(f"{path}/statement?from=2025-03-12&through=2025-03-12", **keys(gym)).json()
    assert found["opening_minor"] == before["closing_minor"]
    assert [(one["what"], one["amount_minor"]) for one in found["lines"]][-2:] == [
        ("invoice", 68_97),
        ("write_off", -8_97),
    ]
    assert found["closing_minor"] == found["lines"][-1]["balance_minor"] == found["opening_minor"] + 60_00
    sheet = client.get(f"{path}/statement?from=2025-03-12&through=2025-03-12&format=csv", **keys(gym)).text
    assert sheet.splitlines()[0] == "on,what,name,amount,balance,currency"
    assert sheet.splitlines()[-1].startswith("2025-03-12,write_off,moved abroad,-8.97,")
    assert client.get(f"{path}/statement?from=2025-03-12&through=2025-03-11", **keys(gym)).status_code == 422
    assert (
        client.get("/api/v1/accounts/999/statement?from=2025-01-01&through=2025-01-02", **keys(gym)).status_code == 404
    )


def test_months_are_closed_and_reopened_by_the_owner(client, gym, billed):
    """Not one that runs, not one whose revenue waits; reopened with a reason; the desk does neither."""
    closing = {"through_on": "2025-02-28", "reason": "to the accountant"}
    assert client.post(f"{book(gym)}/closes", json=closing, **keys(gym, Role.DESK)).status_code == 403
    for through_on, words in (("2025-03-31", "not over"), ("2025-02-27", "last day")):
        refused = client.post(f"{book(gym)}/closes", json={**closing, "through_on": through_on}, **keys(gym))
        assert (refused.status_code, words in refused.json()["detail"]) == (409, True)
    assert client.post(f"{book(gym)}/closes", json=closing, **keys(gym)).status_code == 204
    late = {"kind": "cash_to_bank", "amount_minor": 5_00, "occurred_on": "2025-02-28", "reason": "a late slip"}
    refused = client.post(f"{book(gym)}/manual-entries", json=late, **keys(gym, key="late-slip"))
    assert (refused.status_code, "reopen" in refused.json()["detail"]) == (409, True)
    opening = {"through_on": None, "reason": "a late slip came"}
    assert client.post(f"{book(gym)}/reopenings", json=opening, **keys(gym)).status_code == 204
    assert client.post(f"{book(gym)}/manual-entries", json=late, **keys(gym, key="late-slip")).status_code == 201
    told = client.get(f"{book(gym)}/closes", **keys(gym)).json()
    assert [(one["through_on"], one["by"], one["reason"]) for one in told] == [
        (None, "owner key", "a late slip came"),
        ("2025-02-28", "owner key", "to the accountant"),
    ]


def test_a_month_whose_revenue_waits_is_not_closed(client, gym, billed):
    """First the worker recognises it: else that entry would find the book closed."""
    with gym.services.db.write() as conn:
        conn.execute(text("UPDATE test_clock SET business_ms = business_ms + 30 * 86400000"))
    refused = client.post(f"{book(gym)}/closes", json={"through_on": "2025-03-31", "reason": "x"}, **keys(gym))
    assert (refused.status_code, "recognised" in refused.json()["detail"]) == (409, True)
    with gym.services.db.write() as conn:
        conn.execute(text("UPDATE timer SET state = 'done' WHERE kind = 'recognise_revenue'"))
    closing = client.post(f"{book(gym)}/closes", json={"through_on": "2025-03-31", "reason": "x"}, **keys(gym))
    assert closing.status_code == 204


def test_credit_is_paid_back_and_deposits_are_held(client, gym, billed):
    """Credit of a transfer waits as one payout; a deposit names its account; a future day is refused."""
    account_id, _ = billed
    with gym.services.db.write() as conn:
        receive(
            conn,
            Receipt(
                organisation_id=gym.organisation_id,
                legal_entity_id=gym.legal_entity_id,
                account_id=account_id,
                amount_minor=30_00,
                currency="CAD",
                means=Means.TRANSFER,
            ),
            (),
            now_ms=BUSINESS_MS,
        )
    path = f"/api/v1/accounts/{account_id}/refunds"
    made = client.post(path, json={"reason": "left"}, **keys(gym, key="pay-back-1"))
    assert (made.status_code, len(made.json()["ids"])) == (201, 1)
    assert client.post(path, json={"reason": "left"}, **keys(gym, key="pay-back-2")).status_code == 422
    entry = {"kind": "deposit_in_cash", "amount_minor": 20_00, "occurred_on": "2025-03-12", "reason": "locker 7"}
    entries = f"{book(gym)}/manual-entries"
    assert client.post(entries, json=entry, **keys(gym, key="locker-7")).status_code == 422
    entry["account_id"] = account_id
    assert client.post(entries, json=entry, **keys(gym, key="locker-7")).status_code == 201
    later = {**entry, "occurred_on": "2025-03-13"}
    assert client.post(entries, json=later, **keys(gym, key="locker-8")).status_code == 422
    assert client.post(entries, json={**entry, "account_id": 999}, **keys(gym, key="locker-9")).status_code == 404


def test_who_did_what_and_why(client, gym, billed):
    """Every act on money has its line, the newest first, page by page without one lost or told twice."""
    account_id, invoice_id = billed
    off = f"/api/v1/accounts/{account_id}/invoices/{invoice_id}/write-offs"
    for count in range(3):
        given = {"reason": f"reason {count}", "amount_minor": 1_00}
        assert client.post(off, json=given, **keys(gym, key=f"lost-{count}-of-3")).status_code == 201
    whole = client.get("/api/v1/billing-acts?limit=200", **keys(gym)).json()
    assert whole["next_before"] is None
    told = [one for one in whole["items"] if one["what"] == "written_off"]
    assert [(one["by"], one["reason"]) for one in told] == [("owner key", f"reason {count}") for count in (2, 1, 0)]
    assert {"started"} <= {one["what"] for one in whole["items"]}
    paged, before = [], None
    while True:
        query = "" if before is None else f"&before={before}"
        page = client.get(f"/api/v1/billing-acts?limit=2{query}", **keys(gym)).json()
        paged += page["items"]
        before = page["next_before"]
        if before is None:
            break
    assert paged == whole["items"]
    assert client.get("/api/v1/billing-acts?before=yesterday", **keys(gym)).status_code == 422


def test_the_audit_is_asked_for_and_explains(client, gym, billed):
    """None yet, then what it found: this gym's first invoices were written by hand, so the book lacks them."""
    assert client.get("/api/v1/audit", **keys(gym)).json() == {"last": None, "findings": []}
    assert client.post("/api/v1/audit/runs", **keys(gym, Role.DESK)).status_code == 403
    ran = client.post("/api/v1/audit/runs", **keys(gym))
    assert ran.status_code == 201
    told = client.get("/api/v1/audit", **keys(gym, Role.DESK)).json()
    assert told["last"] == ran.json()
    assert len(told["findings"]) == ran.json()["found"] > 0
    posted = next(one for one in told["findings"] if one["code"] == "document_is_posted")
    assert posted["explanation"] == f"{posted['subject']} comes to $68.97, and $0.00 of it is in the ledger."
    with gym.services.db.read() as conn:
        assert conn.execute(posting.select()).first() is not None
