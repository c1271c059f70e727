"""From the card to what its holder sees: the true gateway, guard and drivers, on a simulated site."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from portillon_drivers.gpio_pins import pin_factory
from portillon_drivers.indicators.pattern import Colour
from portillon_drivers.indicators.simulated_indicators import Seen
from portillon_edge.gateway import Gateway
from portillon_edge.technician.practice_site import PracticeSite
from portillon_rules.card_number import parse_presented

EVERY_READER = Path("config/examples/every-reader.toml")
WAIT_S = 20.0
ENGLISH, FRENCH = parse_presented("h10301:67-1002"), parse_presented("h10301:67-1003")


def wait_until(true: Callable[[], bool], what: Callable[[], object]) -> None:
    until = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < until, what()
        time.sleep(0.002)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[PracticeSite]:
    pin_factory("mock").reset()
    site = PracticeSite(EVERY_READER, tmp_path)
    site.seed(site.member_credentials(), [(ENGLISH, "en"), (FRENCH, "fr")])
    site.plug()
    failures: list[str] = []
    gateway = Gateway(site.config, site.keys, config_path=site.config_path, fail=failures.append)
    gateway.start()
    try:
        wait_until(lambda: {device.state for device in gateway.look().devices} == {"up"}, gateway.look)
        yield site
    finally:
        gateway.stop()
        site.close()
        assert not failures


def wait_seen(site: PracticeSite, name: str, fits: Callable[[Seen], bool]) -> None:
    wait_until(lambda: fits(site.indicators.seen(name)), lambda: site.indicators.seen(name))


def test_whoever_badges_sees_and_hears_what_came_of_it(site: PracticeSite) -> None:
    """Ready, then the answer on every indicator of the lane in both languages, then ready again; other doors stay."""
    display, led, pool = "lane1-display", "lane1-led", "pool-lamps"
    wait_seen(site, display, lambda seen: seen.lines == ("Pret : presentez", "votre carte"))
    site.readers["lane1-card"].present(site.readers["lane1-card"].samples[1])
    wait_seen(site, led, lambda seen: seen.light is Colour.RED and seen.sounding is True)
    wait_seen(site, display, lambda seen: seen.lines == ("Carte inconnue", "Voir l'accueil"))
    wait_seen(site, display, lambda seen: seen.lines == ("Unknown card", "See front desk"))
    assert site.indicators.seen(pool).light in (None, Colour.GREEN)
    wait_seen(site, led, lambda seen: seen.light is Colour.GREEN and not seen.sounding)
    site.readers["pool-tag"].present(site.readers["pool-tag"].samples[1])
    wait_seen(site, pool, lambda seen: seen.light is Colour.RED)
    site.readers["lane1-card"].present(site.readers["lane1-card"].samples[0])
    wait_seen(site, display, lambda seen: seen.lines == ("Bienvenue", ""))


def test_each_member_reads_their_own_language(site: PracticeSite) -> None:
    """From the row in the table to the letters on the display, whatever pages it shows otherwise."""
    reader, display = site.readers["lane1-card"], "lane1-display"
    reader.present(ENGLISH)
    wait_seen(site, display, lambda seen: seen.lines == ("Welcome", ""))
    reader.present(FRENCH)
    wait_seen(site, display, lambda seen: seen.lines == ("Un instant :", "passage occupe"))
    wait_seen(site, display, lambda seen: seen.lines == ("Pret : presentez", "votre carte"))


def test_a_card_is_asked_for_its_pin(site: PracticeSite) -> None:
    """The reader of a door that wants card and PIN says so, in its holder's language, until the PIN is in."""
    reader, led = site.readers["staff-card"], "staff-led"
    reader.present(FRENCH)
    wait_seen(site, led, lambda seen: seen.light is Colour.AMBER and seen.lines == ("Entrez le NIP,", "puis #"))
    reader.press("1111#")
    wait_seen(site, led, lambda seen: seen.lines == ("NIP errone :", "essayez encore"))
    wait_seen(site, led, lambda seen: seen.light is Colour.GREEN)


def test_a_display_that_is_cut_stops_nobody(site: PracticeSite) -> None:
    """The lane goes on, and the display shows how the door stands once it is back."""
    site.indicators.unplug("lane1-display")
    site.readers["lane1-card"].present(site.readers["lane1-card"].samples[1])
    wait_seen(site, "lane1-led", lambda seen: seen.light is Colour.RED)
    site.indicators.plug("lane1-display")
    wait_seen(site, "lane1-display", lambda seen: bool(seen.lines and seen.lines[0]))
