"""The book's other pages: entries by hand, takings, who did what; and an invoice written off. Owners alone."""

from datetime import date
from typing import Any

import pytest
from cloud.accounting.french_book import FrenchGym, at, live_a_winter, open_french_gym
from cloud.web.conftest import PASSWORD
from portillon_cloud.accounting.acts import acts
from portillon_cloud.billing.event_body import EVENT_KINDS
from portillon_cloud.clock.tables import test_clock as clock_row
from portillon_cloud.identity.operations import add_staff
from portillon_cloud.identity.roles import Role
from portillon_cloud.ledger.tables import ManualKind, manual_entry
from portillon_cloud.locale.words import Words
from portillon_cloud.takings.operations import close_until
from portillon_cloud.takings.tables import taking
from portillon_cloud.web.act_words import ACTS, AUTHORS, ENTRIES
from portillon_cloud.web.pages import book_entries
from sqlalchemy import func, select, text, update


@pytest.fixture
def lyon(services, gym) -> FrenchGym:
    """A French gym beside the other, after its winter, with its owner."""
    found = open_french_gym(services.db, services.keyring)
    live_a_winter(found)
    with services.db.write() as conn:
        mine = clock_row.c.organisation_id == found.book.organisation_id
        conn.execute(update(clock_row).where(mine).values(business_ms=at(date(2026, 2, 3))))
        close_until(conn, found.book.legal_entity_id, today=date(2026, 2, 3))
        add_staff(
            conn, organisation_id=found.book.organisation_id, email=f"owner@{found.book.organisation_id}.example",
            name="Inès", password=PASSWORD, role=Role.OWNER, language="fr", now_ms=0,
        )  # fmt: skip
    return found


def form(html: str, csrf: Any, **more: object) -> dict[str, object]:
    key = html.split('name="request_key" value="')[1].split('"')[0]
    return {"csrf": csrf(html), "request_key": key, "reason": "to the bank", **more}


def entered(gym: Any) -> int:
    with gym.services.db.read() as conn:
        ours = manual_entry.c.organisation_id == gym.organisation_id
        return conn.scalar(select(func.count()).select_from(manual_entry).where(ours)) or 0


def test_money_that_moved_is_entered_once(signed_in, gym, csrf):
    """The same form sent twice is one entry, told with who and why; what cannot be is said and writes nothing."""
    owner = signed_in(Role.OWNER)
    asked = form(
        owner.get("/books/entries").text, csrf, entity=gym.legal_entity_id, kind="cash_to_bank", amount="120.50",
        occurred_on="2025-03-11",
    )  # fmt: skip
    for _ in range(2):
        done = owner.post("/books/entries", data=asked)
        assert done.status_code == 303, done.text
    told = owner.get(done.headers["location"]).text
    assert "Cash brought to the bank" in told and "to the bank" in told and "$120.50" in told
    assert entered(gym) == 1
    for wrong, said in (
        ({"amount": "much"}, "Write the amount as a number"),
        ({"occurred_on": "2025-03-13"}, "has not come"),
    ):
        refused = owner.post("/books/entries", data={**asked, **wrong, "request_key": "another-one"})
        assert refused.status_code == 422 and said in refused.text
    assert owner.post("/books/entries", data={**asked, "csrf": "forged"}).status_code == 403
    assert entered(gym) == 1
    assert "Cash brought to the bank" in owner.get("/books/acts").text


def test_a_deposit_is_of_a_payer(signed_in, gym, csrf):
    """Found by a part of the name, taken, held, never given back beyond what is held; without a payer it is none."""
    owner = signed_in(Role.OWNER)
    found = owner.get("/books/entries?who=gagn").text
    path = found.split('<ul class="plain-list to"><li><a href="')[1].split('"')[0].replace("&amp;", "&")
    html = owner.get(path).text
    assert "Gagnon" in html
    asked = form(
        html, csrf, entity=gym.legal_entity_id, payer=path.split("payer=")[1], kind="deposit_in_cash", amount="40",
        occurred_on="2025-03-12",
    )  # fmt: skip
    done = owner.post("/books/entries", data=asked)
    assert done.status_code == 303 and "Held now: $40.00" in owner.get(done.headers["location"]).text
    back = {**asked, "request_key": "give-it-back", "kind": "deposit_back_in_cash", "amount": "41"}
    refused = owner.post("/books/entries", data=back)
    assert refused.status_code == 422 and "more than is held" in refused.text
    nobody = {name: value for name, value in back.items() if name != "payer"}
    assert owner.post("/books/entries", data=nobody).status_code == 404
    assert "Nobody of that name" in owner.get("/books/entries?who=zzz").text


def test_an_invoice_is_written_off_with_a_reason(signed_in, gym, csrf):
    """An owner gives up what is owed, once; more than that is refused; the desk sees no such form and may not."""
    owner, path = signed_in(Role.OWNER), f"/invoices/{gym.invoices[0]}"
    asked = form(owner.get(path).text, csrf, amount="68.97", reason="moved away")
    too_much = owner.post(f"{path}/write-off", data={**asked, "amount": "68.98", "request_key": "too-much"})
    assert too_much.status_code == 422 and "Not that much is owed" in too_much.text
    assert owner.get(f"{path}/write-off").headers["location"] == path
    desk = signed_in(Role.DESK)
    html = desk.get(path).text
    assert "Write it off" not in html
    assert desk.post(f"{path}/write-off", data={**asked, "csrf": csrf(html)}).status_code == 403
    for _ in range(2):
        done = owner.post(f"{path}/write-off", data=asked)
        assert done.status_code == 303, done.text
    told = owner.get(done.headers["location"]).text
    assert "It is written off" in told and "Owed:" not in told
    log = owner.get("/books/acts").text
    assert f'href="{path}"' in log and "moved away" in log


def test_takings_are_shown_and_verified(signed_in, gym, lyon):
    """Days, months and years closed; verified whole, and not whole once a row was changed; elsewhere it is said."""
    owner = signed_in(Role.OWNER, of=lyon.book)
    assert "31 janv. 2026" in owner.get("/books/takings").text
    assert "1 janv. 2026" in owner.get("/books/takings?kind=month").text.replace("1er", "1")
    assert "est intact" in owner.get("/books/takings?verify=true").text
    with lyon.db.write() as conn:
        conn.execute(text("DROP TRIGGER taking_no_update"))
        conn.execute(update(taking).values(amount_minor=taking.c.amount_minor + 1))
    broken = owner.get("/books/takings?verify=true").text
    assert "taking 1 was changed" in broken and "est intact" not in broken
    quebec = signed_in(Role.OWNER).get("/books/takings?verify=true").text
    assert "Only French law asks" in quebec and "Verify the record" not in quebec


def test_who_did_what_in_pages(signed_in, lyon, monkeypatch):
    """Every act of a winter in words, page by page, none twice and none left out."""
    monkeypatch.setattr(book_entries, "SHOWN", 3)
    owner = signed_in(Role.OWNER, of=lyon.book)
    with lyon.db.read() as conn:
        done = [one.what for one in acts(conn, lyon.book.organisation_id, limit=500)]
    told, path = "", "/books/acts"
    for _ in range(len(done)):
        html = owner.get(path).text
        told += html
        if 'rel="next"' not in html:
            break
        path = "/books/acts" + "?before=" + html.split('<a href="?before=')[1].split('"')[0]
    assert told.count("<tbody>\n<tr>") == -(-len(done) // 3)
    assert told.count("Contrat signé") == done.count("started") > 1
    assert "par son contrat" in told and ">contract<" not in told
    assert set(done) <= set(ACTS)


def test_whose_pages_they_are(signed_in, lyon):
    """The desk sees none of them, and another organisation's book is not there."""
    desk, owner = signed_in(Role.DESK), signed_in(Role.OWNER)
    for path in ("/books/entries", "/books/takings", "/books/acts"):
        assert desk.get(path).status_code == 403
        assert path in owner.get("/books").text
    for path in ("/books/entries", "/books/takings"):
        assert owner.get(f"{path}?entity={lyon.book.legal_entity_id}").status_code == 404


def test_every_act_has_words_in_both_languages():
    """A new kind of event or entry cannot be added without them."""
    assert set(ENTRIES) == set(ManualKind) and set(ACTS) >= {*EVENT_KINDS, *ManualKind}
    for said in (*ACTS.values(), *AUTHORS.values()):
        assert Words("fr").say(said) != said
