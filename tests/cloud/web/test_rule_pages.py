"""The owner's pages of rules: zones, what a site does when in doubt, and forgiveness on the member's page."""

from dataclasses import fields

import pytest
from portillon_cloud.access.operations import site_policy
from portillon_cloud.hours.errors import HoursInUseError
from portillon_cloud.hours.operations import drop_schedule, put_schedule
from portillon_cloud.identity.roles import Role
from portillon_cloud.locale.words import Words
from portillon_cloud.web.policy_words import POLICY_SETTINGS
from portillon_cloud.web.settings import Choice, HoursFor
from portillon_cloud.web.zone_words import ZONE_SETTINGS, ZoneWords
from portillon_cloud.zones.operations import put_zone_rule, zone_rules_of, zones_of
from portillon_rules.policy import MAY_BE_LENIENT, SitePolicy
from portillon_rules.reserved import Reserved
from portillon_rules.zone_rule import Strictness, ZoneRule

RULE = {
    "passback": "hard",
    "passback_minutes": "120",
    "passback_after": "soft",
    "capacity": "40",
    "staff_exempt": "true",
}


@pytest.fixture
def typed(signed_in, csrf):
    """Send a form of a page as a role, and give the answer."""

    def send(path, form, *, page, role=Role.OWNER):
        browser = signed_in(role)
        return browser.post(path, data={"csrf": csrf(browser.get(page).text), **form})

    return send


def watch(gym, **rule):
    with gym.services.db.write() as conn:
        put_zone_rule(conn, organisation_id=gym.organisation_id, site_id=gym.site_id, zone="gym", body=rule)


def rules(gym):
    with gym.services.db.read() as conn:
        return zone_rules_of(conn, gym.site_id)


def test_every_key_of_the_policy_stands_in_the_owners_words():
    """A new key, or a new answer to one, without words and an example fails here and not on a screen."""
    assert set(POLICY_SETTINGS) == {one.name for one in fields(SitePolicy)} - {"time_zone"}
    defaults = SitePolicy(time_zone="UTC")
    for name, setting in POLICY_SETTINGS.items():
        assert setting.label and setting.example, name
        if isinstance(setting, HoursFor):
            assert {one.value for one in setting.options} == set(MAY_BE_LENIENT)
            assert all(one.text for one in setting.options)
        if isinstance(setting, Choice):
            answers = set(type(getattr(defaults, name)))
            assert {one.value for one in setting.options} == {one.value for one in answers}, name
            assert all(one.text and one.example for one in setting.options), name


def test_every_key_of_a_zones_rule_can_be_chosen():
    """With a label and an example."""
    assert set(ZONE_SETTINGS) == {one.name for one in fields(ZoneRule)} - {"zone"}
    assert all(setting.label and setting.example for setting in ZONE_SETTINGS.values())


def test_a_zones_rule_is_chosen_and_said_back_in_sentences(typed, signed_in, gym):
    """What is saved is the rule, and the page says what holds as a person would."""
    before = signed_in(Role.OWNER).get("/sites/1/zones").text
    assert "Nothing is asked: nobody is counted" in before
    answer = typed("/sites/1/zones/gym/rule", RULE, page="/sites/1/zones")
    assert answer.headers["location"] == "/sites/1/zones?done=set"
    expected = ZoneRule(
        zone="gym",
        passback=Strictness.HARD,
        passback_minutes=120,
        passback_after=Strictness.SOFT,
        capacity=40,
    )
    assert rules(gym) == {"gym": expected}
    html = signed_in(Role.DESK).get("/sites/1/zones").text
    assert "Who enters and is in already is refused for 2 hours, then let in and marked." in html
    assert "40 may be in it; the next is refused." in html
    assert "<form" not in html.split('<main id="content"')[1], "the desk reads and changes nothing"


def test_what_is_not_ticked_or_left_empty_is_taken_away(typed, gym):
    """What the form shows and does not say is taken away; what it does not show stays."""
    watch(gym, passback="hard", capacity=40, reset_hour=0)
    typed("/sites/1/zones/gym/rule", {"capacity": "", "reset_hour": "4"}, page="/sites/1/zones")
    assert rules(gym)["gym"] == ZoneRule(zone="gym", passback=Strictness.HARD, reset_hour=4, staff_exempt=False)


@pytest.mark.parametrize(
    "form",
    [
        {"capacity": "many"},
        {"capacity": "-1"},
        {"capacity": "3", "almost_full": "4"},
        {"passback": "x"},
        {"within": "x"},
    ],
)
def test_a_rule_that_makes_no_sense_changes_nothing(typed, gym, form):
    """The page comes again, with what was wrong, and the rule before stays."""
    watch(gym, passback="hard")
    answer = typed("/sites/1/zones/gym/rule", form, page="/sites/1/zones")
    assert answer.status_code == 422 and "Nothing was changed" in answer.text
    assert rules(gym)["gym"].passback is Strictness.HARD and rules(gym)["gym"].capacity is None


def test_hours_of_one_group_are_chosen_and_hold_their_schedule(typed, signed_in, gym):
    """A row that names hours and a group is one; an empty row is none; the hours cannot go while it names them."""
    whose = {"organisation_id": gym.organisation_id, "site_id": gym.site_id, "name": "women-only"}
    with gym.services.db.write() as conn:
        put_schedule(conn, **whose, body={"windows": [[0, 540, 660]], "closed_on": []})
    form = {"reserved:0:schedule": "women-only", "reserved:0:group": " women ", "reserved:1:schedule": ""}
    assert typed("/sites/1/zones/gym/rule", form, page="/sites/1/zones").status_code == 303
    assert rules(gym)["gym"].reserved == (Reserved("women-only", "women"),)
    assert "During women-only only the group women enters." in signed_in(Role.DESK).get("/sites/1/zones").text
    with gym.services.db.write() as conn, pytest.raises(HoursInUseError, match="reserved during"):
        drop_schedule(conn, **whose)
    wrong = form | {"reserved:0:schedule": "mornings"}
    assert typed("/sites/1/zones/gym/rule", wrong, page="/sites/1/zones").status_code == 422
    typed("/sites/1/zones/gym/rule", {"reserved:0:schedule": ""}, page="/sites/1/zones")
    assert rules(gym)["gym"].reserved == ()


def test_zones_come_and_go(typed, signed_in, gym):
    """A zone is added by name, is chosen as lying in another one, and goes once nothing names it."""
    page = "/sites/1/zones"
    assert typed(page, {"zone": "the sauna"}, page=page).status_code == 422
    for zone in ("wet", "sauna"):
        assert typed(page, {"zone": zone}, page=page).status_code == 303
    typed(f"{page}/sauna/rule", {"within": "wet"}, page=page)
    assert rules(gym)["sauna"].within == "wet"
    assert "Lies in wet." in signed_in(Role.OWNER).get(page).text
    refused = typed(f"{page}/wet/remove", {}, page=page)
    assert refused.status_code == 409 and "Nothing was removed" in refused.text
    assert typed(f"{page}/sauna/rule/remove", {}, page=page).status_code == 303
    assert typed(f"{page}/wet/remove", {}, page=page).status_code == 303
    with gym.services.db.read() as conn:
        assert zones_of(conn, gym.site_id) == ["gym", "sauna"] and zone_rules_of(conn, gym.site_id) == {}


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_rule_is_said_without_a_raw_word(language):
    """Whatever is chosen, sentences, and none of the words of the wire."""
    said = ZoneWords(Words(language))
    for passback in Strictness:
        for after in Strictness:
            for minutes in (None, 1, 90, 120):
                rule = ZoneRule(
                    zone="gym", within="site", passback=passback, passback_minutes=minutes, passback_after=after,
                    not_inside=passback, stale=after, reset_hour=4, stay_minutes=300, capacity=3, almost_full=2,
                    at_capacity=passback, above_capacity=after,
                )  # fmt: skip
                lines = said.says(rule)
                assert len(lines) >= 5 and all(line.endswith(".") for line in lines)
                assert not any(word in " ".join(lines) for word in ("passback", "soft", "hard", "%("))


def test_what_a_site_does_in_doubt_is_chosen_with_examples(typed, signed_in, gym):
    """Each answer stands with what happens; what is chosen is the policy, and the page shows it chosen."""
    chosen = {
        "after_lease": "pass_for_hours",
        "after_lease_hours": "24",
        "journal_unwritable": "deny",
        "time_uncertain": "deny",
        "visits_elsewhere": "pass_and_flag",
    }
    lenient = {"lenient_hours:dues_unpaid": "48", "lenient_hours:frozen": ""}
    answer = typed("/sites/1/policy", chosen | lenient, page="/sites/1/policy")
    assert answer.status_code == 303, answer.text
    with gym.services.db.read() as conn:
        body = site_policy(conn, gym.site_id).to_body()
    assert {name: str(body[name]) for name in chosen} == chosen
    assert body["lenient_hours"] == {"dues_unpaid": 48}
    html = signed_in(Role.OWNER).get("/sites/1/policy").text
    assert 'value="pass_for_hours" checked' in html and "until Tuesday noon" in html


@pytest.mark.parametrize("form", [{"after_lease": "perhaps"}, {"after_lease_hours": "745"}, {"after_lease_hours": "x"}])
def test_a_policy_that_makes_no_sense_changes_nothing_of_it(typed, gym, form):
    """The page comes again with what was wrong."""
    answer = typed("/sites/1/policy", form, page="/sites/1/policy")
    assert answer.status_code == 422 and "Nothing was changed" in answer.text


def test_hours_that_could_shut_out_who_paid_are_refused(typed, gym):
    """Longer than the days of grace: the page says what to do first."""
    form = {"after_lease": "pass_for_hours", "after_lease_hours": "744"}
    answer = typed("/sites/1/policy", form, page="/sites/1/policy")
    assert answer.status_code == 422 and "days of grace" in answer.text


def test_the_desk_forgives_on_the_members_page(typed, signed_in, gym):
    """With a word why, which stays there with who and when; without one nothing happens."""
    assert "Inside or outside" not in signed_in(Role.DESK).get("/members/1").text, "nobody is watched"
    watch(gym, passback="hard")
    refused = typed("/members/1/forgivenesses", {"note": "  "}, page="/members/1", role=Role.DESK)
    assert refused.status_code == 422 and "Say why" in refused.text
    form = {"note": "Left by the <staff> door"}
    answer = typed("/members/1/forgivenesses", form, page="/members/1", role=Role.DESK)
    assert answer.headers["location"] == "/members/1?done=forgiven"
    html = signed_in(Role.DESK).get("/members/1?done=forgiven").text
    assert "Forgiven: Left by the &lt;staff&gt; door" in html and "Camille desk" in html
    assert "begin anew within a second" in html


@pytest.mark.parametrize("role", [Role.DESK, Role.TECHNICIAN])
def test_only_an_owner_sets_rules(typed, signed_in, gym, role):
    """The forms of others are refused, whatever page they come from; so is a form from elsewhere."""
    for path in ("/sites/1/zones", "/sites/1/zones/gym/rule", "/sites/1/zones/gym/remove", "/sites/1/policy"):
        assert typed(path, {"zone": "x"}, page="/sites/1/doors", role=role).status_code == 403
        assert signed_in(Role.OWNER).post(path, data={"zone": "x"}).status_code == 403
    assert rules(gym) == {}


def test_a_technician_forgives_nobody(typed, gym):
    """They do not see members at all."""
    form = {"note": "x"}
    assert typed("/members/1/forgivenesses", form, page="/sites/1/doors", role=Role.TECHNICIAN).status_code == 403


def test_another_organisations_rules_are_not_there(typed, signed_in, gym, other_gym):
    """Neither shown nor changed."""
    for path in ("zones", "policy"):
        assert signed_in(Role.OWNER).get(f"/sites/{other_gym.site_id}/{path}").status_code == 404
    for path in ("zones", "zones/gym/rule", "zones/gym/rule/remove", "zones/gym/remove", "policy"):
        answer = typed(f"/sites/{other_gym.site_id}/{path}", {"zone": "x"}, page="/sites/1/zones")
        assert answer.status_code == 404, path
    assert typed(f"/members/{other_gym.members[0]}/forgivenesses", {"note": "x"}, page="/members/1").status_code == 404
