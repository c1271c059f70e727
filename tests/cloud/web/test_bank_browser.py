"""Debits, mandates and the bank in a real Chromium: read by axe at desk and phone width, and worked with the keys."""

from datetime import date

import pytest
from camt import entry, statement
from cloud.web.browser_window import DESK, PHONE, violations
from euro_gym import CREDITOR_ID, GYM_IBAN, PAYER_IBAN
from playwright.sync_api import expect
from portillon_cloud.members.operations import create_legal_entity
from portillon_cloud.reconciliation.matching import match_lines

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

DAY = date(2025, 3, 12)


@pytest.fixture
def lyon(gym) -> int:
    """A second company, whose book is in euros."""
    with gym.services.db.write() as conn:
        return create_legal_entity(
            conn, organisation_id=gym.organisation_id, name="Vélo Lyon SAS", currency="EUR", tax_regime="fr"
        )


def test_a_company_collects_and_a_line_is_explained_with_the_keyboard_alone(visitor, axe, gym, lyon, tmp_path):
    """Identifier and mandate are typed, the bank's file is handed in, a line is said to be a fee; axe finds nothing."""
    visitor.sign_in()
    page = visitor.page
    page.wait_for_url("**/sites/1")
    visitor.go("/books")
    page.get_by_role("link", name="Direct debits").press("Enter")
    page.get_by_role("combobox", name="Company").select_option(label="Vélo Lyon SAS")
    page.get_by_role("button", name="Show").press("Enter")
    page.get_by_label("SEPA creditor identifier").focus()
    page.keyboard.type(CREDITOR_ID)
    page.keyboard.press("Tab")
    page.keyboard.type(GYM_IBAN)
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("is saved")

    visitor.go("/accounts/1/mandates")
    page.get_by_label("IBAN; it is sealed").focus()
    page.keyboard.type(PAYER_IBAN)
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("The mandate is kept.")
    expect(page.get_by_text("DE •••• 3000")).to_be_visible()

    file = tmp_path / "releve.xml"
    file.write_bytes(
        statement(
            entry(-350, DAY, text="FRAIS DE TENUE DE COMPTE"), entry(4599, DAY, text="VIR ZOE"), on=DAY,
            closing_minor=4249,
        )
    )  # fmt: skip
    visitor.go(f"/books/bank?entity={lyon}")
    page.get_by_label("Statement, advice or answer").set_input_files(file)
    page.get_by_role("button", name="Hand it in").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("is being worked through")
    match_lines(gym.services.db, gym.organisation_id, lyon, now_ms=0)
    for viewport, scheme in ((DESK, "light"), (PHONE, "dark")):
        page.set_viewport_size(viewport)
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for path in (f"/books/bank?entity={lyon}", f"/books/debits?entity={lyon}", "/accounts/1/mandates"):
            visitor.go(path)
            page.evaluate("document.querySelectorAll('details').forEach((one) => one.open = true)")
            assert violations(page, axe) == [], path
            assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], path

    visitor.go(f"/books/bank?entity={lyon}")
    page.get_by_text("Say what it is").last.press("Enter")
    page.get_by_label("What it is").last.focus()
    page.keyboard.type("Fee")
    page.keyboard.press("Tab")
    page.keyboard.type("account fee")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("The line is explained.")
    expect(page.get_by_text("1 of 2 lines explained")).to_be_visible()
    page.get_by_text("That is wrong").press("Enter")
    page.get_by_label("Why it is wrong").focus()
    page.keyboard.type("a lease")
    page.evaluate("document.querySelectorAll('details').forEach((one) => one.open = true)")
    assert violations(page, axe) == []
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("The line is open again")
    expect(page.get_by_text("0 of 2 lines explained")).to_be_visible()
