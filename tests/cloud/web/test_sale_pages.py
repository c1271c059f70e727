"""Something sold on a page without a subscription: shown, sold once, and brought back."""

from portillon_cloud.billing.sales_tables import sale, sale_return
from portillon_cloud.billing.tables import invoice
from portillon_cloud.identity.roles import Role
from sqlalchemy import Table, func, select


def form_of(html: str, csrf, **more: object) -> dict[str, object]:
    return {"csrf": csrf(html), "request_key": html.split('name="request_key" value="')[1].split('"')[0], **more}


def count(gym, table: Table) -> int:
    with gym.services.db.read() as conn:
        return conn.scalar(select(func.count()).select_from(table)) or 0


def sold_invoice(gym) -> int:
    with gym.services.db.read() as conn:
        return conn.scalar(select(func.max(sale.c.invoice_id))) or 0


TOWELS = {"description": ["Towel", "", ""], "quantity": ["2", "1", "1"], "unit": ["10,00", "", ""]}
CATEGORIES = {"category": ["standard", "standard", "standard"]}


def test_it_is_shown_and_sold_once(signed_in, gym, csrf):
    """The preview writes nothing and names the taxes; confirmed twice it is one; other lines need a new form."""
    desk, path = signed_in(Role.DESK), f"/accounts/{gym.accounts[11]}/sale"
    asked = form_of(desk.get(path).text, csrf, **TOWELS, **CATEGORIES)
    shown = desk.post(path, data=asked)
    assert shown.status_code == 200 and "$23.00" in shown.text and "2 × Towel" in shown.text and "QST" in shown.text
    assert count(gym, sale) == 0
    for _ in range(2):
        done = desk.post(path, data={**asked, "confirmed": "true"})
        assert done.status_code == 303, done.text
    assert count(gym, sale) == 1
    told = desk.get(done.headers["location"]).text
    assert "It is sold" in told and "$23.00" in told and f'href="/invoices/{sold_invoice(gym)}/pay"' in told
    other = desk.post(path, data={**asked, "quantity": ["3", "1", "1"], "confirmed": "true"})
    assert other.status_code == 409 and "sent before with other lines" in other.text
    inside = desk.post(path, data={**asked, "with_tax": "true"})
    assert "$20.00" in inside.text and "$23.00" not in inside.text


def test_what_cannot_be_sold_is_said(signed_in, gym, csrf):
    """By line, with what was typed kept; no line, no account, a forged form, a role that may not: nothing is sold."""
    desk, path = signed_in(Role.DESK), f"/accounts/{gym.accounts[11]}/sale"
    asked = form_of(desk.get(path).text, csrf, **TOWELS, **CATEGORIES, confirmed="true")
    for wrong in ({"quantity": ["two"]}, {"quantity": ["-1"]}, {"unit": ["much"]}, {"category": ["gold"]}):
        refused = desk.post(path, data={**asked, **wrong})
        assert refused.status_code == 422 and "line 1 lacks" in refused.text and 'value="Towel"' in refused.text
    empty = desk.post(path, data={**asked, "description": [""], "unit": [""]})
    assert empty.status_code == 422 and "at least one line" in empty.text
    assert desk.post("/accounts/999999/sale", data=asked).status_code == 404
    assert desk.post(path, data={**asked, "csrf": "forged"}).status_code == 403
    assert signed_in(Role.TECHNICIAN).get(path).status_code == 403
    assert count(gym, sale) == 0


def test_what_is_brought_back_is_credited_once(signed_in, gym, csrf):
    """One of two, with its taxes; never more than are left; what is no sale has no such page."""
    desk, path = signed_in(Role.DESK), f"/accounts/{gym.accounts[11]}/sale"
    desk.post(path, data=form_of(desk.get(path).text, csrf, **TOWELS, **CATEGORIES, confirmed="true"))
    invoice_id = sold_invoice(gym)
    assert f"/invoices/{invoice_id}/return" in desk.get(f"/invoices/{invoice_id}").text
    back = f"/invoices/{invoice_id}/return"
    asked = form_of(desk.get(back).text, csrf, reason="wrong colour") | {"back:1": "1"}
    for wrong in ({"back:1": "3"}, {"back:1": "0"}, {"back:1": "all"}, {"back:7": "1"}):
        refused = desk.post(back, data={**asked, **wrong, "request_key": f"other-{wrong}"[:60]})
        assert refused.status_code == 422 and "not so many" in refused.text
    for _ in range(2):
        done = desk.post(back, data=asked)
        assert done.status_code == 303, done.text
    assert count(gym, sale_return) == 1
    told = desk.get(done.headers["location"]).text
    assert "It is taken back" in told and "$11.50" in told and "Credit note" in told
    assert "1 of 2 at most" in desk.get(back).text
    assert desk.get(f"/invoices/{gym.invoices[0]}/return").status_code == 404
    assert "/return" not in desk.get(f"/invoices/{gym.invoices[0]}").text
    with gym.services.db.read() as conn:
        assert conn.scalar(select(func.count()).select_from(invoice)) == len(gym.invoices) + 1
