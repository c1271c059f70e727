"""Leaving in a real Chromium with scripts off: readable for everybody, by keyboard alone, in both languages."""

import os
from datetime import date
from urllib.parse import urlsplit

import pytest
from cloud.billing.lawful_gym import open_lawful_gym
from cloud.web.browser_window import DESK, PHONE, violations
from playwright.sync_api import expect
from portillon_cloud.billing.exit_link import Purpose

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

WORDS = {
    "en": ("Cancel your membership", "Check and notify", "Your membership is cancelled"),
    "fr": ("Résilier votre contrat", "Vérifier et notifier", "Votre abonnement est résilié"),
}


@pytest.mark.parametrize(("language", "size"), [("en", DESK), ("fr", PHONE)])
def test_leaving_by_keyboard_without_scripts(chromium, address, axe, services, language, size):
    """Form, summary and end satisfy axe-core; Tab and Enter do it all; nothing is loaded from elsewhere."""
    gym = open_lawful_gym(services.db, services.keyring, services.clock, "fr")
    nadia = gym.join(gym.sell(), date(2026, 1, 2), language=language, at_distance=True)
    gym.turn_to(date(2026, 1, 8))
    link = gym.links.link(gym.gym.organisation_id, nadia.subscription_id, Purpose.LEAVE, now_ms=gym.now_ms())
    context = chromium.new_context(viewport=size, java_script_enabled=False)
    page = context.new_page()
    strangers = []
    page.on("request", lambda sent: None if sent.url.startswith(address) else strangers.append(sent.url))
    page.goto(address + urlsplit(link).path)
    with_scripts = chromium.new_context(viewport=size, bypass_csp=True)
    reader = with_scripts.new_page()
    for number, heading in enumerate(WORDS[language]):
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
        reader.set_content(page.content().replace('href="/static', f'href="{address}/static'))
        assert violations(reader, axe) == []
        if shots := os.environ.get("SCREENSHOTS"):
            page.screenshot(path=f"{shots}/leave-{language}-{number}.png", full_page=True)
        if heading != WORDS[language][-1]:
            page.locator("button").focus()
            page.keyboard.press("Enter")
    assert strangers == []
    context.close()
    with_scripts.close()
