"""Who changed by what doors go: every way to change a rule leaves its name, and the page tells it in words."""

import pytest
from cloud.web.test_api import headers
from portillon_cloud.access.rule_kinds import RuleKind
from portillon_cloud.access.tables import rule_change
from portillon_cloud.identity.roles import Role
from portillon_cloud.web.rule_change_words import KINDS
from sqlalchemy import delete, update
from sqlalchemy.exc import DatabaseError

WEEK = {"windows": [[0, 480, 720]]}
CHANGES = [
    ("put", "schedules/mornings", WEEK, RuleKind.HOURS),
    ("put", "schedules/mornings", {"windows": [[0, 480, 780]]}, RuleKind.HOURS),
    ("put", "holidays/law", {"days": ["12-25"]}, RuleKind.HOLIDAYS),
    ("put", "zones/sauna", {}, RuleKind.ZONE),
    ("put", "zones/sauna/rule", {"capacity": 12}, RuleKind.ZONE_RULE),
    ("put", "policy", {"time_uncertain": "deny"}, RuleKind.POLICY),
    ("delete", "zones/sauna/rule", None, RuleKind.ZONE_RULE),
    ("delete", "zones/sauna", None, RuleKind.ZONE),
    ("delete", "holidays/law", None, RuleKind.HOLIDAYS),
    ("delete", "schedules/mornings", None, RuleKind.HOURS),
]


@pytest.fixture
def ask(client, gym):
    """Ask the API of the site as an owner."""

    def send(method, path, body=None, role=Role.OWNER):
        where = path if path.startswith("/") else f"/sites/{gym.site_id}/{path}"
        answer = client.request(method, f"/api/v1{where}", headers=headers(gym, role), json=body)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    return send


def test_every_change_is_told_with_what_it_was_and_became(ask):
    """Set, changed and removed: the newest first, each one what the one before it had become."""
    for method, path, body, _ in CHANGES:
        ask(method, path, body)
    told = ask("get", "rule-changes")
    assert [one["kind"] for one in reversed(told)] == [kind for *_, kind in CHANGES]
    hours = [one for one in reversed(told) if one["kind"] == "hours"]
    assert [one["was"] is None for one in hours] == [True, False, False]
    assert [one["becomes"] is None for one in hours] == [False, False, True]
    assert hours[1]["was"] == hours[0]["becomes"] and hours[2]["was"] == hours[1]["becomes"]
    assert {one["name"] for one in hours} == {"mornings"} and all(one["changed_by"] and one["at_ms"] for one in told)
    assert told == ask("get", "/rule-changes")


def test_what_stays_the_same_is_no_change(ask):
    """The same hours set twice, and a policy that says what it said: nobody changed anything the second time."""
    for _ in range(2):
        ask("put", "schedules/mornings", WEEK)
        ask("put", "policy", {"after_lease": "pass_for_hours", "after_lease_hours": 12})
    assert [one["kind"] for one in ask("get", "rule-changes")] == ["policy", "hours"]
    assert ask("get", "policy")["after_lease_hours"] == 12


def test_a_policy_that_makes_no_sense_is_refused(client, gym):
    """Nobody overlooks a stolen card, and what is refused is no change."""
    body = {"lenient_hours": {"credential_stolen": 4}}
    answer = client.put(f"/api/v1/sites/{gym.site_id}/policy", headers=headers(gym), json=body)
    assert answer.status_code == 422 and "overlooks" in answer.json()["detail"]


def test_the_database_keeps_what_was_written(ask, gym):
    """No statement alters or removes a line, whoever sends it."""
    ask("put", "schedules/mornings", WEEK)
    for statement in (update(rule_change).values(name="x"), delete(rule_change)):
        with pytest.raises(DatabaseError, match="never change"), gym.services.db.write() as conn:
            conn.execute(statement)


@pytest.mark.parametrize("role", [Role.OWNER, Role.TECHNICIAN])
def test_the_page_tells_it_in_words(ask, signed_in, gym, role):
    """Which hours, by whom, and which key became what."""
    ask("put", "schedules/mornings", WEEK)
    ask("put", "schedules/mornings", {"windows": [[0, 480, 780]]})
    text = signed_in(role).get(f"/sites/{gym.site_id}/changes").text
    assert text.count("mornings") >= 2 and "[[0, 480, 720]] → [[0, 480, 780]]" in text


def test_every_kind_of_change_has_words():
    """A new kind without words fails here and not on a screen."""
    assert set(KINDS) == set(RuleKind)


def test_a_member_s_decisions_are_told_over_the_api(ask, client, gym):
    """As on the page; of a member that is not there, nothing."""
    told = ask("get", f"/members/{gym.members[0]}/decisions?limit=5")
    assert len(told) == 5 and told[0]["at_ms"] >= told[-1]["at_ms"] and "denied" in {one["outcome"] for one in told}
    assert client.get("/api/v1/members/987654/decisions", headers=headers(gym)).status_code == 404
