"""The pages of debits, mandates and the bank: owners make a file, hand in the bank's, and say what a line is."""

from datetime import date
from typing import Any

import pytest
from camt import entry, statement
from cloud.web.conftest import PASSWORD
from euro_gym import CREDITOR_ID, DUE, GYM_IBAN, TOTAL_MINOR, EuroGym, at, open_euro_gym
from portillon_cloud.clock.tables import test_clock as clock_row
from portillon_cloud.identity.operations import add_staff
from portillon_cloud.identity.roles import Role
from portillon_cloud.ledger import LedgerCode
from portillon_cloud.payments.operations import owed_minor
from portillon_cloud.payments.provider import RefundOrder
from portillon_cloud.reconciliation.receiving import BANK_FILE, work_through
from portillon_cloud.reconciliation.rule import SAID_BY_PEOPLE, Rule
from portillon_cloud.web.bank_words import RULES
from sqlalchemy import update

TODAY = date(2026, 3, 11)


@pytest.fixture
def lyon(services) -> EuroGym:
    """A gym in Lyon with an owner and somebody at the desk, on the day of its file."""
    found = open_euro_gym(services.db, services.keyring)
    with services.db.write() as conn:
        mine = clock_row.c.organisation_id == found.organisation_id
        conn.execute(update(clock_row).where(mine).values(business_ms=at(TODAY, 10)))
        for role in (Role.OWNER, Role.DESK):
            add_staff(
                conn, organisation_id=found.organisation_id, email=f"{role}@{found.organisation_id}.example",
                name="Inès", password=PASSWORD, role=role, language="fr", now_ms=0,
            )  # fmt: skip
    return found


def handed_in(owner: Any, csrf: Any, body: bytes, **more: object) -> Any:
    page = owner.get("/books/bank").text
    entity = page.split('name="entity" value="')[1].split('"')[0]
    form = {"csrf": csrf(page), "entity": entity, **more}
    return owner.post("/books/bank/files", data=form, files={"file": ("releve.xml", body, "application/xml")})


def test_a_mandate_a_debit_and_its_file(signed_in, lyon, csrf):
    """The desk keeps a mandate and never shows its IBAN; the owner makes the day's file once, and has it again."""
    account_id = lyon.payer()
    desk, owner = signed_in(Role.DESK, of=lyon.book), signed_in(Role.OWNER, of=lyon.book)
    path = f"/accounts/{account_id}/mandates"
    form = {"csrf": csrf(desk.get(path).text), "debtor_name": "Zoé", "signed_on": "2026-03-01", "iban": "FR00"}
    assert desk.post(path, data=form).status_code == 422
    done = desk.post(path, data={**form, "iban": GYM_IBAN, "reference": "OLD-9"})
    told = desk.get(done.headers["location"]).text
    assert "FR •••• 2606" in told and "OLD-9" in told and GYM_IBAN not in told
    mandate = told.split("/mandates/")[1].split("/revoke")[0]
    revoked = desk.post(f"{path}/{mandate}/revoke", data={"csrf": csrf(told)})
    assert "révoqué le" in desk.get(revoked.headers["location"]).text
    assert desk.get("/books/debits").status_code == 403

    invoice_id = lyon.owe(account_id)
    lyon.run_until(at(DUE, 7))
    html = owner.get("/books/debits").text
    asked = {"csrf": csrf(html), "entity": lyon.book.legal_entity_id}
    made = owner.post("/books/debits/files", data=asked)
    shown = owner.get(made.headers["location"]).text
    assert f"P{lyon.book.legal_entity_id}-1.xml" in shown
    assert owner.post("/books/debits/files", data=asked).status_code == 409
    link = shown.split('href="/books/debits/files/')[1].split('"')[0]
    file = owner.get(f"/books/debits/files/{link}")
    assert b"<CtrlSum>45.99</CtrlSum>" in file.content and file.headers["cache-control"] == "no-store"

    assert owner.post("/books/debits/refund-files", data=asked).status_code == 409
    back = RefundOrder(
        organisation_id=lyon.organisation_id, provider="sepa", key="refund-1:1", charge=lyon.key_of(invoice_id),
        amount_minor=1500, currency="EUR", now_ms=0,
    )  # fmt: skip
    lyon.provider.refund(back)
    assert "À rembourser par virement" in owner.get("/books/debits").text
    made = owner.post("/books/debits/refund-files", data=asked)
    shown = owner.get(made.headers["location"]).text
    assert f"P{lyon.book.legal_entity_id}-2.xml" in shown and "À rembourser par virement" not in shown


def test_how_a_company_collects(signed_in, lyon, csrf, gym):
    """Wrong digits save nothing and say so; a company whose book is in dollars is told that it has no such debits."""
    owner = signed_in(Role.OWNER, of=lyon.book)
    form = {
        "csrf": csrf(owner.get("/books/debits").text), "entity": lyon.book.legal_entity_id, "creditor_id": CREDITOR_ID,
        "iban": GYM_IBAN, "notice_days": 2, "file_days": 1,
    }  # fmt: skip
    assert owner.post("/books/debits/creditor", data=form).status_code == 303
    assert 'value="2"' in owner.get("/books/debits").text
    assert owner.post("/books/debits/creditor", data={**form, "creditor_id": "FR00ZZZ123456"}).status_code == 422
    assert "CAD" in signed_in(Role.OWNER).get("/books/debits").text


def test_lines_are_explained_by_who_knows(signed_in, lyon, csrf):
    """A transfer that names an invoice is taken with one press; a fee is said with its reason; then nothing is left."""
    account_id = lyon.payer()
    invoice_id = lyon.owe(account_id, due_on=date(2026, 3, 30))
    owner = signed_in(Role.OWNER, of=lyon.book)
    assert handed_in(owner, csrf, b"<a/>").status_code == 422
    assert handed_in(owner, csrf, statement(on=TODAY, iban="DE89370400440532013000")).status_code == 422
    body = statement(
        entry(TOTAL_MINOR, TODAY, text="MERCI FACTURE F2026-1"), entry(-350, TODAY, text="FRAIS"), on=TODAY,
        closing_minor=TOTAL_MINOR - 350,
    )  # fmt: skip
    first, again = handed_in(owner, csrf, body), handed_in(owner, csrf, body)
    assert (first.headers["location"][-4:], again.headers["location"][-5:]) == ("file", "known")
    lyon.run_until(at(TODAY, 11), **{BANK_FILE: work_through})
    html = owner.get("/books/bank").text
    assert "Facture F2026-1 de Zoé Tremblay" in html and "FRAIS" in html
    lines = [one.split('"')[0] for one in html.split('name="line" value="')[1:]]
    form = {"csrf": csrf(html), "entity": lyon.book.legal_entity_id}
    taken = {**form, "line": lines[-1], "rule": "transfer", "account": account_id}
    fee = {**form, "line": lines[0], "rule": "fee", "reason": "tenue de compte"}
    for asked in (taken, fee):
        assert owner.post("/books/bank/lines", data=asked).status_code == 303
        assert owner.post("/books/bank/lines", data=asked).status_code == 409
    html = owner.get("/books/bank").text
    assert "Toutes les lignes de la banque sont expliquées" in html
    with lyon.db.read() as conn:
        assert owed_minor(conn, invoice_id) == 0
    assert lyon.balance_minor(LedgerCode.BANK) == TOTAL_MINOR - 350

    assert "tenue de compte" in html and "C’est faux" in html
    wrong = {**form, "line": lines[-1], "reason": "c'était Luc"}
    opened = owner.post("/books/bank/lines/taken-back", data=wrong)
    assert "ouverte de nouveau" in owner.get(opened.headers["location"]).text
    assert owner.post("/books/bank/lines/taken-back", data=wrong).status_code == 409
    assert owner.get("/books/bank/lines/taken-back").headers["location"] == "/books/bank"
    with lyon.db.read() as conn:
        assert owed_minor(conn, invoice_id) == TOTAL_MINOR


def test_every_rule_has_words():
    """What a line may be is said in words, and what people say is among it."""
    assert set(RULES) == set(Rule) and set(Rule) >= SAID_BY_PEOPLE
