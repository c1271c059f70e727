"""Why a door let a member in or did not, as the desk reads it."""

import re
from pathlib import Path

import pytest
from cloud.web.conftest import BUSINESS_MS
from hypothesis import given
from hypothesis import strategies as st
from portillon_cloud.attendance.tables import journal_event
from portillon_cloud.identity.roles import Role
from portillon_cloud.locale.words import Words
from portillon_cloud.reports.member_decisions import Ground, ground_of
from portillon_cloud.web.decision_words import HELPS, ROWS, RULES, DecisionWords
from portillon_rules.evidence import AT_THE_READER, NO_EVIDENCE, Evidence
from portillon_rules.reason import DenyReason
from portillon_wire.rule_rows import RULE_KINDS

PAGE = (Path(__file__).parents[3] / "docs" / "rules.md").read_text(encoding="utf-8")
TABLE = re.findall(
    r"^\| `(\w+)` \| ([^|]+) \| ([^|]+?) \|$", PAGE.split("## Every reason")[1].split("## Every flag")[0], re.M
)
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_. -]{0,20}|\*", fullmatch=True)


def told(gym, detail, reason="outside_schedule", **values):
    """A refusal of the first member, resting on this."""
    with gym.services.db.write() as conn:
        row = gym.event_row("denied", at_ms=BUSINESS_MS, member=gym.members[0], reason=reason)
        conn.execute(journal_event.insert(), [{**row, "detail": detail, **values}])


def test_the_page_and_the_document_say_the_same_of_every_reason():
    """What helps, word for word; and every rule that can speak has words."""
    assert {DenyReason(reason): helps for reason, _, helps in TABLE} == dict(HELPS)
    named = {rule.strip() for _, rules, _ in TABLE for rule in rules.split(",")}
    assert named == set(RULES)


def test_every_kind_of_row_that_a_rule_rests_on_has_words():
    """But plans, which decide of doors and not of people, and forgiveness, which is held against nobody."""
    assert set(RULE_KINDS) - {"door_plan", "forgiven"} <= set(ROWS)


@given(
    st.sampled_from(sorted(RULES)),
    st.none() | st.tuples(st.sampled_from(sorted(ROWS)), NAMES),
    st.none() | st.integers(0, 10**9),
)
def test_evidence_is_read_as_it_was_spelt(rule, row, revision):
    """Whatever the decision writes down is taken apart again, also names with spaces."""
    spelt = str(Evidence(rule, None if row is None else "/".join(row), revision))
    kind, name = (None, "") if row is None else row
    assert ground_of(spelt) == Ground(rule, kind, name, revision)


def test_what_is_no_evidence_is_none():
    """An older journal's detail is not taken for a rule; what was refused at the reader is the reader's."""
    for text in (None, "", "Something went wrong", "em4100:0F0027"):
        assert ground_of(text) is None
    assert ground_of(str(AT_THE_READER)) == Ground("reader")
    assert ground_of(str(NO_EVIDENCE)) == Ground("none")


def test_a_refusal_says_the_rule_what_it_rests_on_and_what_helps(signed_in, gym):
    """With a link to where an owner sets it, and the revision that the gateway had."""
    told(gym, "schedule schedule/early birds @4211")
    html = signed_in(Role.DESK).get(f"/members/{gym.members[0]}/decisions").text
    assert "Refused: outside the hours of the plan" in html
    assert "It rests on the hours of the membership" in html and "as of revision 4,211" in html
    assert 'href="/sites/1/hours/schedule/early%20birds">the hours “early birds”</a>' in html
    assert "Come at its hours." in html
    assert f'href="/members/{gym.members[0]}/decisions"' in signed_in(Role.DESK).get(f"/members/{gym.members[0]}").text


def test_grants_and_what_came_of_them_are_there_too(signed_in, gym):
    """Newest first, each with its passage; a silent alarm is not told on it."""
    html = signed_in(Role.DESK).get(f"/members/{gym.members[9]}/decisions").text
    assert html.count("Went through") >= 1 and html.count("<time") == html.count('<li class="badge-')
    told(gym, "entitlement @1", reason=None, kind="granted", flags="duress,passback")
    html = signed_in(Role.DESK).get(f"/members/{gym.members[0]}/decisions").text
    assert "uress" not in html and "Inside already, by what was badged" in html


def test_what_nobody_could_date_is_shown_where_it_came_in(signed_in, gym):
    """A refusal for want of the time is one of the things that a member asks about."""
    told(gym, "schedule policy/site @3", reason="time_unknown", at_ms=None, received_at_ms=BUSINESS_MS + 1)
    html = signed_in(Role.DESK).get(f"/members/{gym.members[0]}/decisions").text
    first = html.split('<li class="badge-')[1]
    assert "the gateway does not know what time it is" in first and "what the site does in doubt" in first


def test_words_of_a_newer_gateway_are_shown_as_they_are(signed_in, gym):
    """A rule, a row or a reason that this version does not know breaks no page."""
    told(gym, "weather forecast/today @1", reason="raining")
    html = signed_in(Role.DESK).get(f"/members/{gym.members[0]}/decisions").text
    assert "<strong>Refused</strong>" in html


def test_who_may_not_see_money_is_not_told_to_pay():
    """Neither the reason nor what would help against it."""
    said = DecisionWords(Words("en"), sees_money=False)
    assert said.helps(DenyReason.DUES_UNPAID) == "" and said.helps(DenyReason.FROZEN)


@pytest.mark.parametrize("role", [Role.TECHNICIAN])
def test_a_technician_reads_no_members_decisions(signed_in, role):
    """They do not see members at all."""
    assert signed_in(role).get("/members/1/decisions").status_code == 403


def test_another_organisations_member_has_no_decisions(signed_in, gym, other_gym):
    """Not found, and events of a member of the same number elsewhere are not shown."""
    assert signed_in(Role.OWNER).get(f"/members/{other_gym.members[0]}/decisions").status_code == 404
    told(other_gym, "zone entitlement @9", reason="wrong_zone", member=str(gym.members[0]))
    assert "zones of the membership" not in signed_in(Role.OWNER).get(f"/members/{gym.members[0]}/decisions").text
