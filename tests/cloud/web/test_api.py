"""/api/v1: keys, roles, tenants, and problem details for everything that is refused."""

import json
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from portillon_cloud.http.problem import ProblemDetails
from portillon_cloud.identity.roles import Role

PROBLEM = "application/problem+json"


def headers(gym, role=Role.OWNER):
    return {"authorization": f"Bearer {gym.keys[role]}"}


def is_problem(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    body = ProblemDetails.model_validate(answer.json())
    assert body.status == status
    assert body.type.startswith("urn:portillon:problem:")
    assert body.detail
    return body


def operations(app: FastAPI):
    """(method, path with 1 for every id) of every documented operation; what is no id is said as it wants it."""
    document = json.loads(app.state.openapi)
    return [
        (method.upper(), spoken(path, operation, document))
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def spoken(path, operation, document):
    query = []
    for one in operation.get("parameters", ()):
        schema = one["schema"]
        schema = document["components"]["schemas"][schema["$ref"].split("/")[-1]] if "$ref" in schema else schema
        said = schema["enum"][0] if "enum" in schema else "2025-01-31" if schema.get("format") == "date" else None
        if one["in"] == "path" and said is not None:
            path = path.replace(f"{{{one['name']}}}", said)
        if one["in"] == "query" and one["required"]:
            query.append(f"{one['name']}={said or 1}")
    path = path.replace("{", "\0").replace("}", "\0")
    return f"{path}?{'&'.join(query)}" if query else path


def filled(path):
    return "".join("1" if index % 2 else part for index, part in enumerate(path.split("\0")))


def test_every_operation_asks_for_a_key(app, client, gym):
    """No route of the API answers a stranger, one with a made-up key, or one with a staff cookie."""
    found = operations(app)
    assert len(found) >= 20
    for method, path in found:
        for given_headers in ({}, {"authorization": "Bearer plk_nonsense"}, {"authorization": "Basic eDp5"}):
            answer = client.request(method, filled(path), headers=given_headers, json={})
            is_problem(answer, 401)
            assert answer.headers["www-authenticate"] == "Bearer"


def test_a_session_cookie_is_no_key(signed_in):
    """Programs send keys; so a page of another site cannot make a browser call the API."""
    is_problem(signed_in(Role.OWNER).get("/api/v1/members"), 401)


def test_a_technicians_key_reaches_no_person_and_no_money(app, client, gym):
    """403 on all but what concerns the site."""
    of_the_site = ("/api/v1/sites/", "/api/v1/alarms")
    allowed = {"/api/v1/clock", "/api/v1/clock/jobs/1"}
    for method, path in operations(app):
        if filled(path) in allowed or "gateway" in path or path.startswith(of_the_site):
            continue
        answer = client.request(method, filled(path), headers=headers(gym, Role.TECHNICIAN), json={})
        assert answer.status_code in (403, 422), (method, path, answer.text)
        if answer.status_code == 403:
            is_problem(answer, 403)


def test_another_organisations_things_do_not_exist(app, client, gym, other_gym):
    """Every read of a thing of another tenant is a 404."""
    gets = [path for method, path in operations(app) if method == "GET" and "\0" in path]
    assert gets
    for path in gets:
        answer = client.get(filled(path), headers=headers(other_gym))
        assert answer.status_code == 404, path
        is_problem(answer, 404)


def test_lists_are_paged_without_gaps(client, gym):
    """Following next_after visits every member once."""
    seen, after = [], 0
    while after is not None:
        page = client.get("/api/v1/members", params={"limit": 5, "after": after}, headers=headers(gym)).json()
        seen += [one["id"] for one in page["items"]]
        after = page["next_after"]
    assert seen == gym.members


def test_an_invoice_with_its_taxes(client, gym):
    """Amounts in minor units that add up."""
    found = client.get(f"/api/v1/invoices/{gym.invoices[0]}", headers=headers(gym)).json()
    assert found["total_minor"] == found["net_minor"] + sum(one["amount_minor"] for one in found["taxes"])
    assert found["net_minor"] == sum(one["net_minor"] for one in found["lines"])
    assert (found["number"], found["owed_minor"]) == ("TEST-202503-000001", 6897)


def test_may_this_member_pass(client, gym):
    """The live answer, with its reason."""
    no = client.get(f"/api/v1/members/{gym.members[0]}/access", headers=headers(gym)).json()
    yes = client.get(f"/api/v1/members/{gym.members[4]}/access", headers=headers(gym)).json()
    assert (no["allowed"], no["reason"]) == (False, "dues_unpaid")
    assert (yes["allowed"], yes["reason"], yes["zones"]) == (True, None, ["gym"])


def test_a_new_member_with_a_card(client, gym):
    """Account, member, card: made, found, and a card opens for one person only."""
    send = {"headers": headers(gym, Role.DESK)}
    account = {"legal_entity_id": gym.legal_entity_id, "name": "Inès Roy", "language": "fr"}
    account_id = client.post("/api/v1/accounts", json=account, **send).json()["id"]
    member = {"account_id": account_id, "site_id": gym.site_id, "first_name": "Inès", "last_name": "Roy"}
    member_id = client.post("/api/v1/members", json=member, **send).json()["id"]
    assert client.get(f"/api/v1/members/{member_id}", **send).json()["joined_on"] == "2025-03-12"
    card = {"credential": "em4100:0A0B0C0D0E"}
    assert client.post(f"/api/v1/members/{member_id}/credentials", json=card, **send).status_code == 201
    is_problem(client.post(f"/api/v1/members/{gym.members[0]}/credentials", json=card, **send), 409)
    is_problem(client.post("/api/v1/members/999999/credentials", json={"credential": "em4100:0A0B0C0D0F"}, **send), 404)


def test_nobody_is_put_under_another_organisations_account(client, gym, other_gym):
    """A foreign id in a body is refused as if it did not exist, naming the field."""
    member = {"account_id": gym.accounts[0], "site_id": other_gym.site_id, "first_name": "A", "last_name": "B"}
    body = is_problem(client.post("/api/v1/members", json=member, headers=headers(other_gym)), 422)
    assert [one.pointer for one in body.errors or []] == ["/body/account_id"]
    account = {"legal_entity_id": gym.legal_entity_id, "name": "x", "language": "fr"}
    is_problem(client.post("/api/v1/accounts", json=account, headers=headers(other_gym)), 422)
    subscription = {"member_id": gym.members[0], "price_id": 1, "starts_on": "2025-04-01"}
    is_problem(client.post("/api/v1/subscriptions", json=subscription, headers=headers(other_gym)), 422)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/body/credential"),
        ({"credential": 7}, "/body/credential"),
        ({"credential": "nonsense"}, "/body/credential"),
        ({"credential": "em4100:0A0B0C0D0E", "extra": 1}, "/body/extra"),
    ],
)
def test_a_wrong_value_is_named(client, gym, body, pointer):
    """422 with the field; a key nobody reads is a mistake."""
    answer = client.post(f"/api/v1/members/{gym.members[0]}/credentials", json=body, headers=headers(gym))
    assert pointer in [one.pointer for one in is_problem(answer, 422).errors or []]


def test_a_body_that_is_no_json_is_a_400(client, gym):
    """Not a 422: nothing was understood."""
    answer = client.post("/api/v1/accounts", content=b"{", headers={**headers(gym), "content-type": "application/json"})
    is_problem(answer, 400)


def test_nothing_at_an_address_is_a_problem_too(client):
    """Also outside the known routes, and for a method that a route does not have."""
    is_problem(client.get("/api/v1/nothing"), 404)
    is_problem(client.delete("/api/v1/members"), 405)


def test_the_clock_of_a_test_organisation(client, gym, other_gym):
    """Read, advanced as a job, refused backwards, refused twice, refused in a live organisation."""
    send = {"headers": headers(gym)}
    now = client.get("/api/v1/clock", **send).json()
    assert (now["mode"], now["rate"]) == ("test", 1)
    is_problem(client.post("/api/v1/clock/advance", json={"to_ms": now["business_ms"] - 1}, **send), 409)
    job = client.post("/api/v1/clock/advance", json={"to_ms": now["business_ms"] + 86_400_000}, **send)
    assert job.status_code == 202
    assert client.get(f"/api/v1/clock/jobs/{job.json()['id']}", **send).json()["state"] == "running"
    is_problem(client.post("/api/v1/clock/advance", json={"to_ms": now["business_ms"] + 86_400_000}, **send), 409)
    is_problem(client.post("/api/v1/clock/rate", json={"rate": 0}, **send), 409)
    is_problem(client.post("/api/v1/clock/advance", json={"to_ms": 2_000_000_000_000}, headers=headers(other_gym)), 409)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    where=st.sampled_from(["/api/v1/accounts", "/api/v1/members", "/api/v1/subscriptions", "/api/v1/clock/advance"]),
    body=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["account_id", "name", "site_id", "to_ms", "member_id", "language", "legal_entity_id", "x"]
                ),
                inner,
                max_size=5,
            )
        ),
        max_leaves=8,
    ),
)
def test_any_body_gets_an_answer(client, gym, where, body):
    """Whatever is sent: done, or a problem that says why; never a defect."""
    answer = client.post(where, json=body, headers=headers(gym))
    assert answer.status_code in (201, 202, 400, 404, 409, 422)
    if answer.status_code >= 400:
        is_problem(answer, answer.status_code)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(number=st.integers() | st.text(max_size=12))
def test_any_id_gets_an_answer(client, gym, number):
    """Numbers beyond 64 bits, negative ones, and no numbers at all."""
    for kind in ("members", "accounts", "invoices"):
        answer = client.get(f"/api/v1/{kind}/{quote(str(number), safe='') or 'x'}", headers=headers(gym))
        assert answer.status_code in (200, 307, 404, 422), (number, answer.text)


def test_the_document_describes_every_route(client):
    """Each route is in OpenAPI, says who may call it, and documents its problems."""
    document = client.get("/api/v1/openapi.json").json()
    for path in ("members", "members/{member_id}/access", "invoices/{invoice_id}", "clock/advance", "unpaid"):
        assert f"/api/v1/{path}" in document["paths"]
    for methods in document["paths"].values():
        for operation in methods.values():
            assert operation["security"]
            assert operation["description"]
            assert {"401", "403", "422"} <= set(operation["responses"])
            assert list(operation["responses"]["422"]["content"]) == [PROBLEM]
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_a_block_that_would_be_over_already_is_refused(client, gym):
    """It names the field; a block to come is placed."""
    path, now_ms = f"/api/v1/accounts/{gym.accounts[0]}/blocks", 1_741_819_327_000
    over = {"reason": "parked", "until_ms": now_ms - 1_000}
    body = is_problem(client.put(path, json=over, headers=headers(gym)), 422)
    assert [one.pointer for one in body.errors or []] == ["/body/until_ms"]
    later = {**over, "until_ms": 7_000_000_000_000}
    assert client.put(path, json=later, headers=headers(gym)).status_code == 204
