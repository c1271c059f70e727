"""The health file: whole at any time, written when it says something, readable or nothing."""

from pathlib import Path

from edge.health.report_sample import report
from portillon_edge.health.report import BEAT_NS, FILE, STALE_NS, HealthFile, read_report


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """The file is the report, and nothing else is left beside it."""
    HealthFile(tmp_path).offer(report())
    assert read_report(tmp_path) == report()
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_written_only_when_it_says_something(tmp_path: Path) -> None:
    """A memory card is spared: the same facts are written once, and then only to show a sign of life."""
    file = HealthFile(tmp_path)
    assert file.offer(report())
    assert not file.offer(report(beat_ns=BEAT_NS - 1))
    assert file.offer(report(beat_ns=BEAT_NS - 1, online=True))
    assert file.offer(report(beat_ns=2 * BEAT_NS, online=True))


def test_unreadable_is_nothing(tmp_path: Path) -> None:
    """A missing or broken file never breaks `status`."""
    assert read_report(tmp_path) is None
    (tmp_path / FILE).write_text('{"v": 1, "gate')
    assert read_report(tmp_path) is None


def test_fresh_only_in_this_boot_and_not_long_ago() -> None:
    """A file from before a power cut, or of a gateway that is stuck, does not pass for news."""
    assert report().fresh(boot_id="boot", now_ns=STALE_NS - 1)
    assert not report().fresh(boot_id="boot", now_ns=STALE_NS)
    assert not report().fresh(boot_id="another", now_ns=1)


def test_lease_counts_down_on_the_boot_clock() -> None:
    """What is left is worked out by whoever reads, so the file need not change each second."""
    assert report().lease_remaining_ms(4_000_000_000) == 1000
    assert report().lease_remaining_ms(6_000_000_000) == -1000
    assert report(lease_ends_ns=None).lease_remaining_ms(0) is None
