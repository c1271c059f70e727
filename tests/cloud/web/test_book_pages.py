"""The book's page: balances in words, months closed and opened with a reason, the accountant's files; owners alone."""

from datetime import date

import pytest
from cloud.accounting.french_book import at, live_a_winter, open_french_gym
from cloud.web.conftest import BUSINESS_MS, PASSWORD
from portillon_cloud.accounting.exports import Export
from portillon_cloud.billing.operations import run_invoices
from portillon_cloud.clock.tables import test_clock as clock_row
from portillon_cloud.identity.operations import add_staff, create_api_key
from portillon_cloud.identity.roles import Role
from portillon_cloud.ledger import LedgerCode
from portillon_cloud.locale.words import Words
from portillon_cloud.web.book_words import ACCOUNTS, FILES
from sqlalchemy import text, update

YEAR = "from=2026-01-01&through=2026-12-31"


@pytest.fixture
def lyon(services, gym):
    """A French gym beside the others, with its owner and a key."""
    found = open_french_gym(services.db, services.keyring)
    live_a_winter(found)
    same = {"organisation_id": found.book.organisation_id}
    with services.db.write() as conn:
        mine = clock_row.c.organisation_id == found.book.organisation_id
        conn.execute(update(clock_row).where(mine).values(business_ms=at(date(2026, 2, 3))))
        conn.execute(text("UPDATE timer SET state = 'done' WHERE kind = 'recognise_revenue'"))
        add_staff(
            conn, **same, email=f"owner@{found.book.organisation_id}.example", name="Inès", password=PASSWORD,
            role=Role.OWNER, language="fr", now_ms=0,
        )  # fmt: skip
        key = create_api_key(conn, **same, name="comptable", role=Role.OWNER, now_ms=0)
    return found.book, key


def test_balances_months_and_reasons(signed_in, lyon, csrf, gym):
    """What is in the book, in words; a month closed and opened again, each told with who and why."""
    book, _ = lyon
    owner = signed_in(Role.OWNER, of=book)
    html = owner.get("/books").text
    for said in (
        "Dû par les membres",
        "Facturé et encore à gagner",
        "Clore les mois",
        "Fichiers pour le comptable",
        'value="2026-01-31"',
    ):
        assert said in html
    form = {"csrf": csrf(html), "entity": book.legal_entity_id, "through_on": "2025-12-31", "reason": "au comptable"}
    done = owner.post("/books/closes", data=form)
    assert done.status_code == 303, done.text
    told = owner.get(done.headers["location"]).text
    assert "au comptable" in told and 'value="2025-11-30"' in told
    again = {**form, "through_on": "2025-11-30", "reason": "un ticket oublié", "again": "true"}
    assert owner.post("/books/closes", data=again).status_code == 303
    assert "un ticket oublié" in owner.get("/books").text


def test_what_cannot_be_closed_is_said(signed_in, csrf, gym):
    """A month that runs stays open, and the page says so; a forged form does nothing."""
    run_invoices(gym.services.db, gym.legal_entity_id, on=date(2025, 4, 1), now_ms=BUSINESS_MS)
    owner = signed_in(Role.OWNER)
    form = {"csrf": csrf(owner.get("/books").text), "entity": gym.legal_entity_id, "reason": "x"}
    refused = owner.post("/books/closes", data={**form, "through_on": "2025-03-31"})
    assert refused.status_code == 409 and "Nothing was changed" in refused.text
    assert owner.post("/books/closes", data={**form, "through_on": "2025-02-28", "csrf": "forged"}).status_code == 403


def test_files_by_page_and_api(signed_in, client, lyon):
    """The same bytes under the name that the law gives; each of the four is there."""
    book, key = lyon
    page = signed_in(Role.OWNER, of=book)
    for what in Export:
        answer = page.get(f"/books/file?what={what.value}&entity={book.legal_entity_id}&{YEAR}")
        path = f"/api/v1/legal-entities/{book.legal_entity_id}/exports/{what.value}?{YEAR}"
        same = client.get(path, headers={"Authorization": f"Bearer {key}"})
        assert (answer.status_code, answer.content) == (200, same.content), what
        assert same.headers["content-disposition"] == answer.headers["content-disposition"]
    fec = page.get(f"/books/file?what=fec&entity={book.legal_entity_id}&{YEAR}")
    assert 'filename="303265045FEC20261231.txt"' in fec.headers["content-disposition"]
    long = page.get(f"/books/file?what=fec&entity={book.legal_entity_id}&from=2020-01-01&through=2026-12-31")
    assert long.status_code == 409


def test_whose_book_it_is(signed_in, client, gym, lyon):
    """The desk sees none of it, another organisation's is not there, and a Quebec book has no French file."""
    book, _ = lyon
    assert signed_in(Role.DESK).get("/books").status_code == 403
    owner = signed_in(Role.OWNER)
    assert owner.get(f"/books?entity={book.legal_entity_id}").status_code == 404
    refused = owner.get(f"/books/file?what=fec&entity={gym.legal_entity_id}&{YEAR}")
    assert refused.status_code == 409 and "There is no such file" in refused.text
    keys = {"headers": {"Authorization": f"Bearer {gym.keys[Role.OWNER]}"}}
    api = "/api/v1/legal-entities/{}/exports/fec?" + YEAR
    assert client.get(api.format(gym.legal_entity_id), **keys).status_code == 409
    assert client.get(api.format(book.legal_entity_id), **keys).status_code == 404


def test_every_account_and_file_has_words_in_both_languages():
    """A new one cannot be added without its name."""
    assert set(ACCOUNTS) == set(LedgerCode) and set(FILES) == set(Export)
    for said in (*ACCOUNTS.values(), *FILES.values()):
        assert Words("fr").say(said) != said
