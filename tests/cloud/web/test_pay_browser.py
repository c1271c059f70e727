"""Paying by a link in a real Chromium: readable for everybody, by keyboard alone, in both languages; Stripe's script is
played by one of ours, the server's answers by the simulated service.
"""

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cloud.web.browser_window import DESK, PHONE, violations
from dues_api import ApiServices
from dues_gym import TOTAL_MINOR, DuesGym, at, make_gym
from fastapi import FastAPI
from one_app import app_over
from playwright.sync_api import Page, Route, expect
from portillon_cloud.ledger import LedgerCode
from portillon_cloud.payments.pay_link import PayLinks
from portillon_cloud.payments.provider import CardBehaviour
from portillon_cloud.payments.routing import Routing
from portillon_cloud.payments.stripe.connection import Connections
from portillon_cloud.payments.stripe.entering import Keys, enter_keys
from portillon_cloud.payments.stripe.provider import StripeProvider
from psp.conftest import Running, Service

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

# What the page uses of Stripe's script, with the payer's typing left out.
STRIPE_JS = """
window.Stripe = (key, options) => ({
  elements: ({ clientSecret }) => ({ secret: clientSecret, create: () => ({ mount: (place) => {
    const box = document.createElement("iframe"); box.title = "Card"; place.append(box); } }) }),
  confirmSetup: ({ elements }) => window.atStripe(key, elements.secret),
});
"""
WORDS = {
    "en": ("What is to be paid", "Use another card", "Keep this card", "It is paid. Thank you.", "Send the question"),
    "fr": (
        "Ce qui est à payer",
        "Utiliser une autre carte",
        "Enregistrer cette carte",
        "C’est payé. Merci.",
        "Envoyer la question",
    ),
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    server = Running(tmp_path_factory.mktemp("psp") / "books.db")
    yield Service(server, "browser")
    server.kill()


@pytest.fixture
def dues(sqlite_db, service: Service) -> Iterator[DuesGym]:
    gym = make_gym(sqlite_db)
    connections = Connections(service.running.url)
    stripe = StripeProvider(sqlite_db, gym.keyring, connections)
    gym.provider = Routing.over([gym.simulator, stripe])
    keys = Keys(secret="sk_test_browser", publishable="pk_test_shown")
    enter_keys(stripe, keys, organisation_id=gym.organisation_id, by="x", now_ms=at(-20))
    yield gym
    connections.close()


@pytest.fixture
def app(dues: DuesGym) -> FastAPI:
    return app_over(ApiServices(dues.db, dues.clock, dues.keyring, dues.provider))


def seen(page: Page, reader: Page, axe: str, address: str, name: str) -> None:
    """Read by axe-core, and kept as a picture if asked for."""
    still = page.content().replace('href="/static', f'href="{address}/static').replace("<script", "<template")
    reader.set_content(still.replace("</script>", "</template>"))
    assert violations(reader, axe) == []
    if shots := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=str(Path(shots) / f"pay-{name}.png"), full_page=True)


@pytest.mark.parametrize(("language", "size"), [("en", DESK), ("fr", PHONE)])
def test_another_card_by_keyboard(chromium, address, axe, dues: DuesGym, service: Service, language, size) -> None:
    """Owed, another card, paid, a question: pages that satisfy axe-core, with their own rules for scripts in force."""
    payer = dues.payer(CardBehaviour.INSUFFICIENT_FUNDS, language=language)
    dues.owe(payer)
    dues.owe(payer, due_on=date(2026, 4, 1))
    dues.run_until(at(0))
    dues.clock.now_ms = at(1)
    link = PayLinks.of(dues.keyring, "").link(dues.organisation_id, payer.account_id, now_ms=at(1))
    context, with_scripts = chromium.new_context(viewport=size), chromium.new_context(viewport=size, bypass_csp=True)
    page, reader = context.new_page(), with_scripts.new_page()
    asked: list[str] = []
    errors: list[str] = []

    def stripe_js(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(body=STRIPE_JS, content_type="text/javascript")

    def at_stripe(key: str, secret: str) -> dict[str, object]:
        assert key == "pk_test_shown"
        service.client.setup_intents.confirm(secret.partition("_secret_")[0], {"payment_method": "pm_card_visa"})
        return {}

    page.route("https://js.stripe.com/**", stripe_js)
    page.expose_function("atStripe", at_stripe)
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    owed, other, keep, paid, ask = WORDS[language]
    page.goto(address + urlsplit(link).path)
    expect(page.get_by_role("heading", level=1)).to_have_text(owed)
    seen(page, reader, axe, address, f"{language}-owed")
    assert asked == []
    page.get_by_role("button", name=other).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name=keep)).to_be_enabled()
    seen(page, reader, axe, address, f"{language}-card")
    page.get_by_role("button", name=keep).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text(paid)
    seen(page, reader, axe, address, f"{language}-paid")
    page.locator("#ask summary").press("Enter")
    seen(page, reader, axe, address, f"{language}-ask")
    page.locator("#what").fill("Why is it so much?")
    page.get_by_role("button", name=ask).press("Enter")
    expect(page.get_by_role("heading", level=2)).to_contain_text("TEST-202604-000002")
    seen(page, reader, axe, address, f"{language}-asked")
    assert asked == ["https://js.stripe.com/v3/"]
    assert errors == []
    assert dues.balance_minor(LedgerCode.RECEIVABLE) == TOTAL_MINOR  # of what is due later
    context.close()
    with_scripts.close()
