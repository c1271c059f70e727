"""The owner's reports as pages and files: drawn in both languages, for owners alone, tied to what was billed."""

import pytest
from portillon_cloud.identity.roles import Role
from portillon_cloud.locale.words import Words
from portillon_cloud.reports.sheets import Sheet
from portillon_cloud.web.report_words import ReportWords

PAGES = ("/reports", "/reports/members", "/reports/attendance")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_report_draws_in_both_languages(signed_in, gym, csrf, path, language):
    """A chart with its table; months as they are called, without a script or a style."""
    owner = signed_in(Role.OWNER)
    token = csrf(owner.get("/sites/1").text)
    owner.post("/language", data={"language": language, "csrf": token, "back": path})
    answer = owner.get(path)
    assert answer.status_code == 200, answer.text
    assert f'<html lang="{language}">' in answer.text
    assert ("mars 2025" if language == "fr" else "Mar 2025") in answer.text
    assert 'class="chart chart-wide"' in answer.text and "style=" not in answer.text


@pytest.mark.parametrize("path", [*PAGES, "/reports/revenue.csv"])
def test_only_an_owner_opens_them(signed_in, gym, path):
    """Neither the desk nor a technician, and neither is shown the way there."""
    for role in (Role.DESK, Role.TECHNICIAN):
        somebody = signed_in(role)
        assert somebody.get(path).status_code == 403
        assert 'href="/reports"' not in somebody.get("/sites/1").text
    assert 'href="/reports"' in signed_in(Role.OWNER).get("/sites/1").text


def test_the_figures_of_the_gym(signed_in, gym):
    """239.96 billed in March 2025, 275.88 owed, and each file has a link that keeps what was asked."""
    html = signed_in(Role.OWNER).get("/reports?until=2025-03&months=2").text
    assert "$239.96" in html and "$275.88" in html and "TPS" not in html and "GST" in html
    assert f'href="/reports/revenue.csv?entity={gym.legal_entity_id}&amp;until=2025-03&amp;months=2"' in html
    assert "Dec 2024" not in html


@pytest.mark.parametrize("name", list(Sheet))
def test_every_report_is_a_file(signed_in, gym, name):
    """A name, UTF-8 with its mark, and a head."""
    answer = signed_in(Role.OWNER).get(f"/reports/{name}.csv")
    assert answer.headers["content-disposition"] == f'attachment; filename="{name.value}.csv"'
    assert answer.text.startswith("\ufeff") and answer.text.split("\r\n")[0].endswith(",currency")


def test_a_file_of_nothing_does_not_exist(signed_in, gym, other_gym):
    """Nor do reports of another organisation's entity."""
    owner = signed_in(Role.OWNER)
    assert owner.get("/reports/nothing.csv").status_code == 422
    for path in (*PAGES, "/reports/revenue.csv"):
        assert owner.get(f"{path}?entity={other_gym.legal_entity_id}").status_code == 404


def test_shares_and_amounts_in_words():
    """French puts a space before the sign; what is not there is a dash."""
    english, french = (ReportWords(Words(language), "CAD") for language in ("en", "fr"))
    assert (english.share(33_333), french.share(33_333)) == ("3.3%", "3,3\u202f%")
    assert (english.money(12_34), english.money(None), english.share(None)) == ("$12.34", "–", "–")
    assert (english.part(3, 4), english.part(0, 0)) == ("3 (75.0%)", "–")
