"""Contracts in writing over the API: particulars, wording, document, acceptance, letter, file and proof."""

import pytest
from portillon_cloud.identity.roles import Role
from portillon_cloud.messages.tables import message
from sqlalchemy import select

PARTICULARS = {
    "address": "1, avenue du Mont-Royal, Montréal",
    "contact": "514 555-0100",
    "permit": "123456",
    "mediator": None,
    "places": {},
}
PROFILE = {
    "first_name": "Nadia",
    "last_name": "Roy",
    "birth_date": "1990-05-01",
    "address": {"street": "12, rue Rachel", "city": "Montréal", "postal_code": "H2X 1Y4", "country": "CA"},
}


def keys(gym, role=Role.OWNER):
    return {"headers": {"Authorization": f"Bearer {gym.keys[role]}"}}


@pytest.fixture
def path(client, gym):
    """The documents of a subscription whose contract can be written."""
    api = "/api/v1"
    said = client.put(f"{api}/legal-entities/{gym.legal_entity_id}/particulars", json=PARTICULARS, **keys(gym))
    assert said.status_code == 204, said.text
    known = client.put(f"{api}/members/{gym.members[11]}/profile", json=PROFILE, **keys(gym))
    assert known.status_code == 200, known.text
    new = {"member_id": gym.members[11], "price_id": gym.price_id, "starts_on": "2025-04-01", "another": True}
    made = client.post(f"{api}/subscriptions", json=new, **keys(gym, Role.DESK))
    assert made.status_code == 201, made.text
    return f"{api}/subscriptions/{made.json()['subscription_id']}/documents"


def test_from_desk_to_proof(client, gym, path):
    """The desk prepares, sends and has it accepted; the file is the sealed one, and proves itself when brought back."""
    desk = keys(gym, Role.DESK)
    made = client.post(path, json={}, **desk)
    assert made.status_code == 201, made.text
    document = made.json()
    assert client.get(path, **desk).json() == [document]
    one = f"/api/v1/contract-documents/{document['id']}"
    letter = client.post(f"{one}/letter", **desk).json()
    with gym.services.db.read() as conn:
        assert letter["address"] in conn.scalar(select(message.c.body).where(message.c.kind == "contract"))
    yes = {"name": "Nadia Roy", "signer": "member", "sha256": document["sha256"], "strokes": [[[1, 2], [30, 40]]]}
    done = client.post(f"{one}/acceptance", json=yes, **desk)
    assert done.status_code == 200, done.text
    assert (done.json()["state"], done.json()["how"]) == ("accepted", "desk")
    assert client.get(f"{one}/verification", **desk).json() == {"genuine": True, "why": None}
    file = client.get(f"{one}/file", **desk)
    assert file.headers["content-type"] == "application/pdf" and file.content.startswith(b"%PDF")
    brought = {"content": file.content, "headers": {**desk["headers"], "Content-Type": "application/pdf"}}
    assert client.post("/api/v1/contract-documents/verification", **brought).json()["id"] == document["id"]
    brought["content"] = b"nothing of ours"
    assert client.post("/api/v1/contract-documents/verification", **brought).status_code == 409


def test_what_is_missing_or_wrong_is_said(client, gym, path):
    """What the law wants and nobody entered, a wording that is not whole, an acceptance of another file."""
    desk = keys(gym, Role.DESK)
    client.put(
        f"/api/v1/legal-entities/{gym.legal_entity_id}/particulars", json={**PARTICULARS, "permit": None}, **keys(gym)
    )
    refused = client.post(path, json={"language": "fr"}, **desk)
    assert refused.status_code == 409 and "P-40.1, s. 199 (a)" in refused.json()["detail"]
    wording = client.get("/api/v1/contract-wordings/ca-qc/fr", **desk).json()
    assert wording["name"] == "ca-qc fr 2026-1" and "total" in wording["required"]
    bad = client.post("/api/v1/contract-wordings/ca-qc/fr", json={"body": "# Rien"}, **keys(gym))
    assert bad.status_code == 422 and "{total} is missing" in bad.json()["detail"]
    own = {"body": wording["body"].replace("Contrat", "Notre contrat", 1)}
    assert client.post("/api/v1/contract-wordings/ca-qc/fr", json=own, **keys(gym)).json() == {"version": 1}
    assert client.get("/api/v1/contract-documents/999", **desk).status_code == 404
    assert client.post("/api/v1/subscriptions/999/documents", json={}, **desk).status_code == 404


def test_only_owners_word_contracts(client, gym, path):
    """The desk has them signed, technicians see none, and what another house's seller is cannot be said."""
    body = {"body": "# x"}
    assert client.post("/api/v1/contract-wordings/none/en", json=body, **keys(gym, Role.DESK)).status_code == 403
    assert client.get(path, **keys(gym, Role.TECHNICIAN)).status_code == 403
    assert client.put("/api/v1/legal-entities/999/particulars", json=PARTICULARS, **keys(gym)).status_code == 404
    assert client.get("/api/v1/legal-entities/999/particulars", **keys(gym)).status_code == 404
