"""Subscriptions over the API: where one is in its life, what a change would cost, the change, and what is refused."""

from datetime import date, timedelta

import pytest
from cloud.web.conftest import BUSINESS_MS
from portillon_cloud.billing.operations import run_invoices
from portillon_cloud.identity.roles import Role

STARTS_ON, RENEWS_ON = "2025-03-01", "2025-04-01"


def keys(gym, role=Role.OWNER):
    return {"headers": {"Authorization": f"Bearer {gym.keys[role]}"}}


@pytest.fixture
def path(client, gym):
    """The address of a subscription that began this month and is billed for it."""
    new = {"member_id": gym.members[11], "price_id": gym.price_id, "starts_on": STARTS_ON, "another": True}
    made = client.post("/api/v1/subscriptions", json=new, **keys(gym, Role.DESK))
    assert made.status_code == 201, made.text
    run_invoices(gym.services.db, gym.legal_entity_id, on=date(2025, 3, 1), now_ms=BUSINESS_MS)
    return f"/api/v1/subscriptions/{made.json()['subscription_id']}"


def test_where_it_is_in_its_life(client, gym, path):
    """Running, to the end of its term, next billed in a month, and cancellable from today by its own terms."""
    found = client.get(path, **keys(gym, Role.DESK)).json()
    assert (found["condition"], found["starts_on"], found["ends_on"]) == ("running", STARTS_ON, "2026-03-01")
    assert found["next_invoice_on"] == RENEWS_ON


def test_a_preview_writes_nothing_and_tells_the_truth(client, gym, path):
    """The cost of a freeze is shown, nothing has changed, and the freeze then costs just that."""
    freeze = {"change": "freeze", "on": "2025-03-25", "until_on": "2025-04-25", "reason": "a broken ankle"}
    before = client.get(path, **keys(gym)).json()
    shown = client.post(f"{path}/changes?preview=true", json=freeze, **keys(gym, Role.DESK))
    assert shown.status_code == 200, shown.text
    assert client.get(path, **keys(gym)).json() == before
    assert client.post(f"{path}/changes", json=freeze, **keys(gym, Role.DESK)).json() == shown.json()
    assert shown.json()["owed_more_minor"] < 0
    [note] = shown.json()["credit_notes"]
    assert note["total_minor"] == note["net_minor"] + note["tax_minor"] == -shown.json()["owed_more_minor"]


def test_a_change_at_renewal_costs_nothing_now(client, gym, path):
    """No part of a period is charged; the next invoice is the new price's."""
    done = client.post(f"{path}/changes", json={"change": "plan", "price_id": gym.price_id}, **keys(gym)).json()
    assert (done["invoices"], done["credit_notes"], done["next_invoice_on"]) == ([], [], RENEWS_ON)


def test_cancelled_and_kept(client, gym, path):
    """A cancellation ends it; a second thought withdraws that, and the end of the term stands as before."""
    done = client.post(f"{path}/changes", json={"change": "cancel", "on": "2025-05-01"}, **keys(gym)).json()
    assert done["ends_on"] == "2025-05-01"
    assert client.post(f"{path}/changes", json={"change": "keep"}, **keys(gym)).json()["ends_on"] == "2026-03-01"


def test_what_cannot_be_is_refused_with_the_reason(client, gym, path):
    """409 says why and from when; what is no change at all is 422; another's subscription is not found."""
    twice = {"change": "resume", "on": "2025-03-20"}
    refused = client.post(f"{path}/changes", json=twice, **keys(gym))
    assert refused.status_code == 409 and "not frozen" in refused.json()["detail"]
    for wrong in ({"change": "pause"}, {"change": "freeze", "on": "2025-03-25"}, {"change": "renew", "months": 0}):
        assert client.post(f"{path}/changes", json=wrong, **keys(gym)).status_code == 422
    far = {"change": "cancel", "on": "9999-12-31"}
    assert client.post(f"{path}/changes", json=far, **keys(gym)).status_code == 422
    assert client.get("/api/v1/subscriptions/999999", **keys(gym)).status_code == 404
    assert client.post("/api/v1/subscriptions/999999/changes", json=twice, **keys(gym)).status_code == 404


def test_technicians_change_no_subscriptions(client, gym, path):
    """Who keeps doors sees no money."""
    assert client.get(path, **keys(gym, Role.TECHNICIAN)).status_code == 403
    answer = client.post(f"{path}/changes", json={"change": "keep"}, **keys(gym, Role.TECHNICIAN))
    assert answer.status_code == 403


def test_a_cancellation_says_what_the_law_gives(client, gym, path):
    """Within the first tenth of the term a tenth of the price may be kept, and the rest is back in ten days."""
    leave = {"change": "cancel", "by_law": True}
    shown = client.post(f"{path}/changes?preview=true", json=leave, **keys(gym, Role.DESK)).json()
    whole_minor = 12 * client.get(f"/api/v1/invoices/{gym.invoices[0]}", **keys(gym)).json()["total_minor"]
    assert shown["legal"] == {
        "clause": "P-40.1, s. 203",
        "kept_at_most_minor": whole_minor // 10,
        "refund_due_on": str(date.fromisoformat(shown["ends_on"]) + timedelta(days=10)),
        "law_credit_minor": 0,
    }
    freeze = {"change": "freeze", "on": "2025-03-25", "until_on": "2025-04-25"}
    assert client.post(f"{path}/changes?preview=true", json=freeze, **keys(gym)).json()["legal"] is None


def test_an_early_renewal_is_refused_with_its_clause(client, gym, path):
    """A new year cannot be agreed on in the first month: the offer has its window."""
    refused = client.post(f"{path}/changes", json={"change": "renew", "months": 12}, **keys(gym, Role.DESK))
    assert refused.status_code == 409
    assert "P-40.1, r. 3, s. 15.2" in refused.text
