"""The takings commands as an owner runs them: check, archive, verify."""

from pathlib import Path

import pytest
from portillon_cloud.cli import app
from typer.testing import CliRunner, Result


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["--data-dir", str(folder), *arguments], env={"COLUMNS": "200"})


@pytest.fixture
def gym(tmp_path: Path) -> Path:
    """A data folder with a gym in it."""
    folder = tmp_path / "data"
    assert run(folder, "migrate").exit_code == 0
    opened = run(
        folder,
        *("open-gym", "--name", "Gym", "--owner-email", "owner@example.org"),
        *("--owner-password", "correct horse battery staple", "--clock-starts", "2026-01-10T08:00:00"),
    )
    assert opened.exit_code == 0, opened.output
    return folder


def test_an_empty_record_is_whole_and_can_be_archived(gym: Path, tmp_path: Path) -> None:
    """Written once, checked by this installation's key or the one that was told, and never written over."""
    assert "whole" in run(gym, "takings", "check").output
    file = tmp_path / "2026.jsonl"
    write = ("takings", "archive", str(file), "--from", "2026-01-01", "--until", "2027-01-01")
    done = run(gym, *write)
    assert done.exit_code == 0, done.output
    key = done.output.split()[-1]
    assert run(gym, "takings", "verify", str(file)).output.startswith("0 records, signed and whole")
    assert run(gym, "takings", "verify", str(file), "--key", key).exit_code == 0
    assert run(gym, *write).exit_code == 1
    file.write_text(file.read_text().replace("Gym", "Club"))
    assert "TakingsBrokenError" in run(gym, "takings", "verify", str(file)).output
