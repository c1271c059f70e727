"""Reports over /api/v1: figures, CSV, bounds, and for owners alone."""

import pytest
from portillon_cloud.identity.roles import Role

NAMES = ("revenue", "deferred", "recurring", "cohorts", "unpaid", "taxes", "attendance", "at-risk")


def get(client, gym, name, role=Role.OWNER, **asked):
    return client.get(f"/api/v1/reports/{name}", params=asked, headers={"Authorization": f"Bearer {gym.keys[role]}"})


@pytest.mark.parametrize("name", NAMES)
def test_every_report_answers_as_json_and_csv(client, gym, name):
    """The same rows; CSV has a head and names the currency."""
    answer = get(client, gym, name)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["legal_entity_id"], answer.json()["currency"]) == (gym.legal_entity_id, "CAD")
    sheet = get(client, gym, name, format="csv")
    assert sheet.headers["content-type"] == "text/csv; charset=utf-8"
    assert sheet.text.split("\r\n")[0].endswith(",currency")


@pytest.mark.parametrize("name", NAMES)
def test_only_an_owner_sees_what_the_business_earns(client, gym, name):
    """Neither the desk nor a technician."""
    assert get(client, gym, name, Role.DESK).status_code == 403
    assert get(client, gym, name, Role.TECHNICIAN).status_code == 403


@pytest.mark.parametrize("name", NAMES)
def test_another_organisations_entity_does_not_exist(client, gym, other_gym, name):
    """Nor are its figures among one's own."""
    assert get(client, gym, name, legal_entity_id=other_gym.legal_entity_id).status_code == 404
    assert get(client, other_gym, name).json()["legal_entity_id"] == other_gym.legal_entity_id


@pytest.mark.parametrize(
    "asked", [{"months": 0}, {"months": 37}, {"until": "2025-13"}, {"until": "0001-01"}, {"format": "xml"}]
)
def test_what_cannot_be_asked_is_named(client, gym, asked):
    """422, and the value's place."""
    answer = get(client, gym, "revenue", **asked)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"/query/{next(iter(asked))}"


def test_figures_of_the_gym(client, gym):
    """Four invoices of 59.99 in March 2025, none paid: 275.88 owed, three of them late."""
    rows = get(client, gym, "revenue", until="2025-03", months=2).json()["figures"]
    assert [(row["month"], row["net_minor"]) for row in rows] == [("2025-02-01", 0), ("2025-03-01", 4 * 59_99)]
    ages = get(client, gym, "unpaid").json()["figures"]
    assert [row["owed_minor"] for row in ages] == [0, 4 * 68_97, 0, 0, 0]
    sheet = get(client, gym, "taxes", format="csv").text.split("\r\n")
    assert sheet[0] == "month,tax,rate_percent,base,amount,currency"
    assert sheet[1] == "2025-03-01,TPS,5.0000,239.96,12.00,CAD"
    seen = get(client, gym, "attendance", months=1).json()["figures"][0]
    assert (seen["visits"], seen["members_seen"]) == (97, 12)
