"""People over HTTP: profiles with fields named when wrong, history, households, export and erasure, by role."""

from portillon_cloud.identity.roles import Role

MARIE = {
    "first_name": "Amélie", "last_name": "Tremblay", "email": "amelie@example.org", "phone": "514 555-0100",
    "birth_date": "2010-05-01",
    "address": {"street": "12 rue Rachel", "city": "Montréal", "postal_code": "h2x1y4", "country": "CA"},
    "emergency_contacts": [{"name": "Luc", "phone": "514 555-0101"}],
}  # fmt: skip


def bearer(gym, role=Role.DESK, **more):
    return {"Authorization": f"Bearer {gym.keys[role]}", **more}


def test_a_profile_is_put_and_read(client, gym):
    """In one form whatever was typed; a minor is told; the history says who, what and why."""
    url = "/api/v1/members/1/profile"
    answer = client.put(url, json={**MARIE, "why": "told at the desk"}, headers=bearer(gym))
    assert answer.status_code == 200, answer.text
    assert answer.json()["changed"] == ["email", "phone", "birth_date", "address", "emergency_contacts"]
    got = client.get(url, headers=bearer(gym)).json()
    assert got["profile"]["phone"] == "+15145550100" and got["profile"]["address"]["postal_code"] == "H2X 1Y4"
    assert (got["status"], got["minor"], got["alike"]) == ("current", True, [])
    (change,) = client.get(f"{url}/changes", headers=bearer(gym)).json()
    assert (change["by"], change["why"], change["after"]["phone"]) == ("desk key", "told at the desk", "+15145550100")
    assert client.put(url, json=MARIE, headers=bearer(gym)).json()["changed"] == []


def test_each_wrong_field_is_named_in_the_callers_language(client, gym):
    """A pointer per field and what to write; nothing was written."""
    address = {**MARIE["address"], "postal_code": "1"}  # type: ignore[dict-item]
    wrong = {**MARIE, "email": "x", "phone": "1", "address": address}
    url = "/api/v1/members/1/profile"
    for language, said in (("fr-CA", "adresse courriel"), ("en", "no e-mail address")):
        answer = client.put(url, json=wrong, headers=bearer(gym, **{"Accept-Language": language}))
        errors = {one["pointer"]: one["detail"] for one in answer.json()["errors"]}
        assert answer.status_code == 422
        assert list(errors) == ["/body/email", "/body/phone", "/body/address/postal_code"]
        assert said in errors["/body/email"]
    assert client.get(f"{url}/changes", headers=bearer(gym)).json() == []
    new = {"account_id": 1, "site_id": 1, "first_name": "A", "last_name": "B", "email": "a@localhost"}
    assert client.post("/api/v1/members", json=new, headers=bearer(gym)).status_code == 422


def test_somebody_there_twice_is_told_with_what_they_share(client, gym):
    """On writing and on reading; both stay."""
    client.put("/api/v1/members/1/profile", json=MARIE, headers=bearer(gym))
    told = client.put("/api/v1/members/2/profile", json={**MARIE, "first_name": "AMELIE"}, headers=bearer(gym)).json()
    (other,) = told["alike"]
    assert (other["member_id"], other["same"]) == (1, ["email", "name_and_birth", "phone"])


def test_a_company_pays_with_its_tax_numbers(client, gym):
    """Held to their register; who it pays for is listed with what they are to the gym."""
    url = "/api/v1/accounts/1/profile"
    firm = {"kind": "company", "name": "Vélo inc.", "tax_numbers": {"TVQ": "1227494057 TQ 0001"}}
    assert client.put(url, json=firm, headers=bearer(gym)).status_code == 200
    assert client.get(url, headers=bearer(gym)).json()["tax_numbers"] == {"TVQ": "1227494057TQ0001"}
    bad = {**firm, "tax_numbers": {"TVQ": "1227494058 TQ 0001"}}
    answer = client.put(url, json=bad, headers=bearer(gym))
    assert [one["pointer"] for one in answer.json()["errors"]] == ["/body/tax_numbers/TVQ"]
    (paid_for,) = client.get("/api/v1/accounts/1/members", headers=bearer(gym)).json()
    assert (paid_for["id"], paid_for["status"]) == (1, "current")
    assert client.get("/api/v1/accounts/999/members", headers=bearer(gym)).status_code == 404
    assert client.get(f"{url}/changes", headers=bearer(gym)).json()[0]["fields"] == [
        "name",
        "kind",
        "email",
        "tax_numbers",
    ]


def test_only_an_owner_gives_out_or_erases_a_person(client, gym):
    """The desk may neither; a member with a membership is refused with what to do first."""
    for role, status in ((Role.DESK, 403), (Role.TECHNICIAN, 403), (Role.OWNER, 200)):
        assert client.get("/api/v1/members/1/personal-data", headers=bearer(gym, role)).status_code == status
    given = client.get("/api/v1/members/1/personal-data", headers=bearer(gym, Role.OWNER)).json()
    assert given["records"]["invoice"] and given["records"]["journal_event"]
    url = "/api/v1/members/1/erasure"
    assert client.post(url, headers=bearer(gym)).status_code == 403
    answer = client.post(url, headers=bearer(gym, Role.OWNER))
    assert answer.status_code == 409 and "cancel it" in answer.json()["detail"]


def test_an_owner_erases_a_member_who_left(client, gym):
    """What was known is gone from the answers; erasing again is refused."""
    new = {"account_id": 1, "site_id": 1, "first_name": "Zoé", "last_name": "Roy", "email": "zoe@example.org"}
    made = client.post("/api/v1/members", json=new, headers=bearer(gym)).json()["id"]
    url = f"/api/v1/members/{made}"
    done = client.post(f"{url}/erasure", headers=bearer(gym, Role.OWNER)).json()
    assert done["account_erased"] is False and done["invoices_kept"] > 0
    got = client.get(f"{url}/profile", headers=bearer(gym)).json()
    assert (got["status"], got["profile"]["email"]) == ("erased", None)
    assert client.post(f"{url}/erasure", headers=bearer(gym, Role.OWNER)).status_code == 409
    assert client.put(f"{url}/profile", json=MARIE, headers=bearer(gym)).status_code == 409
