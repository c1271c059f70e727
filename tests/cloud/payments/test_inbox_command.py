"""The commands for what a provider told, as whoever runs the server meets them."""

from pathlib import Path

from portillon_cloud.cli import app
from portillon_cloud.database import Database
from portillon_cloud.payments.inbox.news import Event
from portillon_cloud.payments.inbox.receiving import keep
from portillon_cloud.payments.inbox.tables import inbox_event
from sqlalchemy import select, update
from typer.testing import CliRunner, Result


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["--data-dir", str(folder), *arguments], env={"COLUMNS": "200"})


def test_parked_is_listed_and_acted_on_again(tmp_path: Path) -> None:
    """By its name, or all since a day; without either, or with a name that nobody knows, it says what to write."""
    folder = tmp_path / "data"
    run(folder, "migrate")
    owner = ("--owner-email", "owner@example.org", "--owner-password", "correct horse battery staple")
    assert run(folder, "open-gym", "--name", "Gym", *owner).exit_code == 0
    assert "Nothing" in run(folder, "provider-events", "parked").output
    db = Database(f"sqlite:///{next(folder.glob('*.db'))}")
    with db.write() as conn:
        event = Event(id="evt_1", kind="refund.failed", object_id="re_1", created_s=1_772_445_600)
        keep(conn, [event], organisation_id=1, provider="stripe", real_ms=0)
        conn.execute(update(inbox_event).values(state="parked", error="NewsAwayError: no answer"))
    db.close()
    assert "evt_1  refund.failed  NewsAwayError: no answer" in run(folder, "provider-events", "parked").output
    assert run(folder, "provider-events", "replay").exit_code != 0
    assert run(folder, "provider-events", "replay", "--event", "evt_9").exit_code != 0
    assert "1 acted on again" in run(folder, "provider-events", "replay", "--event", "evt_1").output
    assert "0 acted on again" in run(folder, "provider-events", "replay", "--since", "2026-03-03").output
    assert "1 acted on again" in run(folder, "provider-events", "replay", "--since", "2026-03-02").output
    db = Database(f"sqlite:///{next(folder.glob('*.db'))}")
    with db.read() as conn:
        assert conn.execute(select(inbox_event.c.state)).scalar_one() == "waiting"
    db.close()
