"""Questions about invoices on pages: written on the invoice, answered in the list; owners are warned of disputes."""

from cloud.web.test_dispute_pages import make_disputes
from portillon_cloud.identity.roles import Role
from portillon_cloud.payments.questions.tables import AnsweredAs
from portillon_cloud.web.pages.questions import ANSWERS


def test_every_ending_has_words() -> None:
    """And there is no word for an ending that is none."""
    assert set(ANSWERS) == set(AnsweredAs)


def test_a_question_is_asked_and_answered(signed_in, csrf, gym) -> None:
    """Once per press; a second one while it is open, and a second answer, are told."""
    desk = signed_in(Role.DESK)
    assert "Nobody has asked anything." in desk.get("/questions").text
    invoice = f"/invoices/{gym.invoices[0]}"
    shown = desk.get(invoice).text
    assert "Write their question down" in shown
    asked = {"csrf": csrf(shown), "text": "Why is it so much?", "request_key": "a-request-key"}
    for _ in range(2):
        assert "until somebody answers" in desk.post(f"{invoice}/questions", data=asked, follow_redirects=True).text
    again = desk.post(f"{invoice}/questions", data={**asked, "request_key": "another-key"})
    assert (again.status_code, "answer that one" in again.text) == (409, True)
    listed = desk.get("/questions").text
    assert "Waits for an answer" in listed and "Nothing is charged until" in listed
    said = {"csrf": asked["csrf"], "text": "It is the joining fee.", "answered_as": "explained"}
    assert "goes on" in desk.post("/questions/1/answer", data=said, follow_redirects=True).text
    assert desk.post("/questions/1/answer", data=said).status_code == 409
    assert "It is the joining fee." in desk.get("/questions/1/answer", follow_redirects=True).text
    assert signed_in(Role.TECHNICIAN).get("/questions").status_code == 403
    acts = signed_in(Role.OWNER).get("/books/acts").text
    assert "Question about an invoice written down" in acts and "Question about an invoice answered" in acts


def test_owners_are_warned_until_a_bank_has_its_answer(signed_in, gym) -> None:
    """On every page, with the first day; the desk, who cannot answer, is not."""
    owner = signed_in(Role.OWNER)
    assert "wait for your answer" not in owner.get("/unpaid").text
    make_disputes(gym)
    shown = owner.get("/unpaid").text
    assert "Banks wait for your answers to 2 disputed payments." in shown
    assert "The first answer is due by" in shown
    assert "Banks wait" not in owner.get("/disputes").text
    assert "Banks wait" not in signed_in(Role.DESK).get("/unpaid").text
