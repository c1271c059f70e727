"""The live page's panels: drawn when something changed, and otherwise not."""

from portillon_cloud.web.live_panels import CHECK_EVERY_MS, READERS_MAX, REDRAW_MS, LivePanels


class Site:
    """Counts how often it is looked at and drawn."""

    def __init__(self):
        self.version, self.marks, self.drawn = 0, 0, 0

    def mark(self):
        self.marks += 1
        return self.version

    def draw(self):
        self.drawn += 1
        return {"lanes": f"version {self.version}"}

    def ask(self, live, now_ms, reader="owner"):
        return live.current(reader, now_ms=now_ms, mark=self.mark, draw=self.draw)["lanes"]


def test_nothing_is_drawn_while_nothing_changes():
    """A minute of looking is one look per second and a drawing per slow redraw."""
    live, site = LivePanels(), Site()
    for now_ms in range(0, 60_000, 1_000):
        site.ask(live, now_ms)
    assert site.marks == 60
    assert site.drawn == 60_000 // REDRAW_MS


def test_many_readers_share_one_look():
    """A hundred open pages cost what one costs."""
    live, site = LivePanels(), Site()
    for now_ms in range(0, 10_000, 1_000):
        for _ in range(100):
            site.ask(live, now_ms)
    assert site.marks == 10
    assert site.drawn == 1


def test_a_change_is_drawn_at_the_next_look():
    """Within a second, under a new version; the same HTML keeps its version."""
    live, site = LivePanels(), Site()
    first = site.ask(live, 0)
    site.version = 1
    assert site.ask(live, CHECK_EVERY_MS - 1) == first
    second = site.ask(live, CHECK_EVERY_MS)
    assert second.html == "version 1"
    assert second.version != first.version
    site.version = 0
    assert site.ask(live, 2 * CHECK_EVERY_MS) == first


def test_sorts_of_reader_never_share():
    """What an owner sees is not kept for a technician."""
    live, owner, technician = LivePanels(), Site(), Site()
    technician.version = 7
    assert owner.ask(live, 0, "owner").html == "version 0"
    assert technician.ask(live, 0, "technician").html == "version 7"


def test_a_clock_that_goes_back_freezes_no_page():
    """After a correction of the machine's clock the next look still looks."""
    live, site = LivePanels(), Site()
    site.ask(live, 1_000_000)
    site.version = 1
    assert site.ask(live, 0).html == "version 1"


def test_what_is_kept_is_bounded():
    """The sorts of reader not asked for longest go first."""
    live, site = LivePanels(), Site()
    for number in range(READERS_MAX + 10):
        site.ask(live, 0, number)
    drawn = site.drawn
    site.ask(live, 1, READERS_MAX + 9)
    assert site.drawn == drawn
    site.ask(live, 1, 0)
    assert site.drawn == drawn + 1
