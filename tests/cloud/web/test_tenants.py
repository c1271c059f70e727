"""Two organisations in one database: whatever one asks of API and pages, nothing of the other is seen or touched."""

from pathlib import Path
from typing import Any

import pytest
from cloud.web.api_calls import GOOD, Api
from cloud.web.conftest import PASSWORD, TODAY, TestClient, csrf_of
from cloud.web.full_rows import MARK
from cloud.web.page_calls import calls
from cloud.web.tenant_watch import watching
from cloud.web.two_gyms import TwoGyms
from cloud.web.two_gyms import two as two
from one_app import app_over
from portillon_cloud.identity.roles import Role
from portillon_cloud.ledger.tables import ledger_account
from portillon_cloud.members.tables import legal_entity, member
from sqlalchemy import select, text, update

# Statements that are not of one organisation, and why each may be so.
FREE = {
    " FROM api_key WHERE api_key.key_hash = ": "who asks is known by the key alone, and by nothing else",
    "SELECT account.id FROM account WHERE account.id = ": "held before it is looked at, and let go with the refusal",
    " FROM staff JOIN staff_session ON ": "who asks is known by the session's token alone, and by nothing else",
    " FROM pg_trigger ": "the defences are the database's, not an organisation's",
    " FROM sqlite_master WHERE type = 'trigger'": "the defences are the database's, not an organisation's",
}

pytestmark = [pytest.mark.xdist_group("two organisations"), pytest.mark.timeout(300)]


def unbound(told: dict[str, str]) -> list[str]:
    """The statements that nothing excuses, each with the operation that sent it first."""
    return [f"{label}: {one}" for one, label in told.items() if not any(free in one for free in FREE)]


def test_nothing_of_another_organisation_is_seen_or_touched_by_the_api(two: TwoGyms, tmp_path: Path) -> None:
    """Every operation with the other's ids in path, query and body: no answer shows it, none of its rows changes."""
    api = Api(services=two.services, seeded=tmp_path, folder=tmp_path, key=two.own.keys[Role.OWNER], today=TODAY)
    before = two.rows_of_other()
    faults, told, seen = [], {}, 0
    for operation in api.operations:
        with watching(two.db, two.own_id) as watch:
            for case in api.cases(operation, mode=GOOD, examples=2 if two.db.embedded else 1, always_near=True):
                answer = api.answer_of(case)
                asked = f"{case.method} {case.formatted_path} {case.body!r:.300}: {answer.status_code}"
                if MARK in answer.text:
                    faults.append(f"{asked} shows {answer.text[:300]}")
                if answer.is_success and any(name.endswith("_id") for name in case.path_parameters or {}):
                    faults.append(f"{asked} was taken")
        told |= {one: operation.label for one in watch.told}
        seen += watch.seen
        # What only reads cannot write: its connection refuses. Which one it was is told by one engine.
        if (two.db.embedded and operation.method != "get") or operation is api.operations[-1]:
            now = two.rows_of_other()
            faults += [f"{operation.label} touched {name}" for name in now if now[name] != before[name]]
            before = now
    assert not faults, "\n".join(faults)
    assert seen > 500
    assert unbound(told) == []


def test_nothing_of_another_organisation_is_seen_or_touched_by_a_page(two: TwoGyms) -> None:
    """Every page and form for the signed-in, with the other's ids: the same, and no page falls over."""
    client = TestClient(app_over(two.services), base_url="http://127.0.0.1", follow_redirects=False)
    email = f"{Role.OWNER}@{two.own_id}.example"
    client.post("/sign-in", data={"email": email, "password": PASSWORD, "csrf": csrf_of(client.get("/sign-in").text)})
    csrf = csrf_of(client.get("/members").text)
    before = two.rows_of_other()
    faults, told, answered = [], {}, 0
    asked = list(calls(ids=2, today=TODAY, csrf=csrf))
    for label, some in asked:
        with watching(two.db, two.own_id) as watch:
            for one in some:
                sent = {"params": one.fields} if one.method == "GET" else {"data": one.fields}
                answer = client.request(one.method, one.path, **sent)
                answered += answer.status_code in (200, 303, 404)
                if MARK in answer.text:
                    faults.append(f"{label} shows {answer.text[:300]}")
        told |= {one: label for one in watch.told}
        if (two.db.embedded and not label.startswith("GET")) or label == asked[-1][0]:
            now = two.rows_of_other()
            faults += [f"{label} touched {name}" for name in now if now[name] != before[name]]
            before = now
    assert not faults, "\n".join(faults)
    assert answered > 300, "most forms are to get beyond their own checks"
    assert unbound(told) == []


def test_no_row_points_into_another_organisation(two: TwoGyms) -> None:
    """Every reference between tenants' tables stays within one organisation, after all of those calls too."""
    assert two.astray() == []


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (lambda own, other: select(member).where(member.c.id == 1), True),
        (lambda own, other: select(member.c.id), True),
        (lambda own, other: select(member.c.id).where(member.c.organisation_id == other), True),
        (lambda own, other: select(member.c.id).where(member.c.account_id.in_([1, 2])), True),
        (lambda own, other: update(member).where(member.c.first_name == "x").values(first_name="y"), True),
        (lambda own, other: text("SELECT 1 FROM member"), True),
        (lambda own, other: select(member).where(member.c.id == 1, member.c.organisation_id == own), False),
        (lambda own, other: select(member.c.id).where(member.c.account_id.in_([13, 14])), False),
        (lambda own, other: select(member.c.id).where(member.c.id == 999_999), False),
        (lambda own, other: select(legal_entity.c.id).where(legal_entity.c.currency == "EUR"), True),
        (lambda own, other: select(ledger_account.c.id).where(ledger_account.c.currency == "EUR"), True),
    ],
)
def test_the_watch_tells_what_is_not_bound(two: TwoGyms, asked: Any, told: bool) -> None:
    """Ablation: a query without its organisation, with another's, or by another's key is seen; others pass."""
    with watching(two.db, two.own_id) as watch, two.db.write() as conn:
        conn.execute(asked(two.own_id, two.other_id))
    assert bool(watch.told) is told
