"""The profile at the desk: what is typed is kept or named as wrong; history, export and erasure by role."""

import re

from portillon_cloud.identity.roles import Role

TYPED = {
    "first_name": "Amélie", "last_name": "Tremblay", "email": "amelie@example.org", "phone": "514 555-0100",
    "birth_date": "2010-05-01", "address/street": "12 rue Rachel", "address/city": "Montréal",
    "address/postal_code": "h2x1y4", "address/country": "CA", "emergency_contacts/0/name": "Luc",
    "emergency_contacts/0/phone": "514 555-0101", "why": "told at the desk",
}  # fmt: skip
URL = "/members/1/profile"


def test_a_profile_is_written_at_the_desk(signed_in, gym, csrf):
    """In one form whatever was typed; a minor is marked; the history says who, what and why."""
    desk = signed_in(Role.DESK)
    assert 'href="/members/1/profile"' in desk.get("/members/1").text
    token = csrf(desk.get(URL).text)
    answer = desk.post(URL, data={**TYPED, "csrf": token})
    assert answer.headers["location"] == f"{URL}?done=true"
    html = desk.get(f"{URL}?done=true").text
    for said in ("Noted.", "Minor", "Camille desk", "told at the desk", 'value="+15145550100"', 'value="H2X 1Y4"'):
        assert said in html, said
    assert "personal-data.json" not in html  # an owner's
    technician = signed_in(Role.TECHNICIAN)
    assert technician.get(URL).status_code == 403


def test_what_is_wrong_stands_beside_its_field(signed_in, gym, csrf):
    """Tied to it for screen readers, everything typed kept, nothing written; the sentence in the reader's language."""
    desk = signed_in(Role.DESK)
    token = csrf(desk.get(URL).text)
    answer = desk.post(URL, data={**TYPED, "phone": "12", "address/postal_code": "D2X 1Y4", "csrf": token})
    assert answer.status_code == 422
    assert re.search(r'id="phone"[^>]*aria-invalid="true" aria-describedby="phone-wrong"', answer.text)
    assert 'id="address-postal-code-wrong"' in answer.text and 'value="12"' in answer.text
    assert "Nothing was changed yet." in answer.text
    desk.post("/language", data={"language": "fr", "back": URL, "csrf": token})
    answer = desk.post(URL, data={**TYPED, "phone": "12", "csrf": token})
    assert "Aucun téléphone n’a ce numéro" in answer.text


def test_a_person_there_twice_is_shown(signed_in, gym, csrf):
    """With a link and what they share."""
    desk = signed_in(Role.DESK)
    token = csrf(desk.get(URL).text)
    for member_id in (1, 2):
        desk.post(f"/members/{member_id}/profile", data={**TYPED, "csrf": token})
    html = desk.get(URL).text
    assert "Perhaps here twice" in html and "same name and birth date" in html


def test_an_owner_gives_out_and_erases(signed_in, gym, csrf, client):
    """The number is typed again; somebody with a membership is refused; afterwards nothing is left to read."""
    owner = signed_in(Role.OWNER)
    token = csrf(owner.get(URL).text)
    owner.post(URL, data={**TYPED, "csrf": token})
    given = owner.get("/members/1/personal-data.json")
    assert given.headers["content-disposition"].startswith("attachment")
    assert given.json()["profile"]["phone"] == "+15145550100"
    assert owner.post("/members/1/erasure", data={"number": "1", "csrf": token}).status_code == 409
    key = {"Authorization": f"Bearer {gym.keys[Role.OWNER]}"}
    new = {"account_id": 1, "site_id": 1, "first_name": "Zoé", "last_name": "Roy"}
    made = client.post("/api/v1/members", json=new, headers=key).json()["id"]
    url = f"/members/{made}"
    owner.post(f"{url}/profile", data={**TYPED, "csrf": token})
    assert owner.post(f"{url}/erasure", data={"number": "1", "csrf": token}).status_code == 422
    assert owner.post(f"{url}/erasure", data={"number": str(made), "csrf": token}).status_code == 303
    html = owner.get(f"{url}/profile").text
    assert "This person was erased" in html and "5550100" not in html and "Rachel" not in html
    assert owner.post(f"{url}/profile", data={**TYPED, "csrf": token}).status_code == 409
    assert owner.get("/members").status_code == 200
    desk = signed_in(Role.DESK)
    assert desk.post(f"{url}/erasure", data={"number": str(made), "csrf": csrf(desk.get(URL).text)}).status_code == 403
