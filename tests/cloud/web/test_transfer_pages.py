"""The page on which a subscription is handed on: who, what it costs both, and then done."""

import pytest
from portillon_cloud.identity.roles import Role

PAGE = "/subscriptions/1/transfer"


@pytest.fixture
def send(signed_in, csrf):
    page = signed_in(Role.DESK)

    def call(**typed):
        both = {"giver_agreed": "in_person", "taker_agreed": "in_writing"}
        return page.post(PAGE, data={"csrf": csrf(page.get(PAGE).text), **both, **typed})

    return call


def test_found_shown_and_done(signed_in, send, gym):
    """By name or number; both sides are shown first, with the fee; then the taker's subscription is there."""
    page = signed_in(Role.DESK)
    assert f'href="{PAGE}"' in page.get("/subscriptions/1").text
    found = page.get(f"{PAGE}?to=olivier").text
    assert "Olivier Gagnon" in found and "Zoë Roy" not in found
    assert "No member is called so" in page.get(f"{PAGE}?to=nobody").text
    assert "Olivier Gagnon" in page.get(f"{PAGE}?to={gym.members[1]}").text
    shown = send(to_member_id=gym.members[1], fee="15.00")
    assert shown.status_code == 200 and "Whoever takes it over" in shown.text and "$15.00" in shown.text
    done = send(to_member_id=gym.members[1], fee="15.00", confirmed="true")
    assert done.headers["location"].endswith("?done=true")
    assert "Olivier Gagnon" in page.get(done.headers["location"]).text
    assert "Ended" in page.get("/subscriptions/1").text


def test_what_cannot_be_is_said_in_words(send, gym, signed_in):
    """No consent, no day, no amount; to oneself; and technicians have no such page."""
    for wrong in ({"giver_agreed": ""}, {"on": "soon"}, {"fee": "much"}):
        answer = send(to_member_id=gym.members[1], **wrong)
        assert answer.status_code == 422 and "Nothing was changed" in answer.text
    refused = send(to_member_id=gym.members[0])
    assert refused.status_code == 409 and "cannot be handed on to this member" in refused.text
    late = send(to_member_id=gym.members[1], on="2025-01-01")
    assert late.status_code == 409 and "too far back" in late.text
    assert signed_in(Role.TECHNICIAN).get(PAGE).status_code == 403
    assert signed_in(Role.DESK).get("/subscriptions/999999/transfer").status_code == 404
