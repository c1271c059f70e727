"""The command line as an operator meets it: what it makes, what it refuses, and how it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from portillon_cloud.cli import app
from typer.testing import CliRunner, Result

HEADER = "first_name,last_name,email,card,plan,contract_start"
PASSWORD = "correct horse battery staple"


class Cloud:
    """The program on one data folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, ["--data-dir", str(self.folder), *arguments], env={"COLUMNS": "200"})

    def ok(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.exit_code == 0, done.output
        return done.output

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", "from portillon_cloud.cli import app; app()"]
        return subprocess.Popen(
            [*command, "--data-dir", str(self.folder), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONWARNINGS": "default"},
        )


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    return Cloud(tmp_path / "data")


@pytest.fixture
def gym(cloud: Cloud) -> Cloud:
    """With a test gym in it, its clock at 2026-01-10 08:00."""
    cloud.ok("migrate")
    cloud.ok(
        *("open-gym", "--name", "Gym", "--owner-email", "owner@example.org", "--owner-password", PASSWORD),
        *("--clock-starts", "2026-01-10T08:00:00"),
    )
    return cloud


def test_the_first_commands_lead_to_a_gym(gym: Cloud) -> None:
    """After migrate and open-gym there is a clock, and a file of members comes in."""
    assert "2026-01-10 08:00" in gym.ok("clock", "show")
    file = gym.folder / "members.csv"
    file.write_text(f"{HEADER}\nZoé,Gagnon,,0F0027A46B,gym,2026-01-31\n")
    assert "1 members imported" in gym.ok("import-members", str(file))
    again = gym.run("import-members", str(file))
    assert again.exit_code == 1
    assert "line 2, card: em4100:0F0027A46B belongs to member 1 already" in again.output
    assert "nothing was imported" in again.output


def test_an_import_is_tried_first_and_its_bad_lines_are_a_file(gym: Cloud) -> None:
    """--dry-run says all and keeps nothing; --bad-lines holds what to mend; the same file again has nothing to do."""
    file, left = gym.folder / "running.csv", gym.folder / "left.csv"
    good = "A1,Zoé,Gagnon,gym,2025-12-15,2026-01-20,12.50"
    file.write_text(
        "external_id,first_name,last_name,plan,contract_start,paid_until,credit\n"
        f"{good}\nA2,Ali,Roy,gym,2025-12-15,soon,\n"
    )
    options = (str(file), "--allow-partial", "--bad-lines", str(left))
    tried = gym.run("import-members", *options, "--dry-run")
    assert "Dry run: 1 members would be imported" in tried.output and "$12.50 of credit" in tried.output
    assert "1 next billed on 2026-01-21" in tried.output
    assert "1 members imported" in gym.run("import-members", *options).output
    assert left.read_text().splitlines()[1].startswith("A2,Ali,Roy,gym,2025-12-15,soon,,\"paid_until: 'soon' is no")
    left.write_text(left.read_text().replace(",soon,", ",,"))
    assert "1 members imported" in gym.ok("import-members", str(left))
    assert "1 lines were imported before" in gym.run("import-members", *options).output


def test_the_clock_is_advanced_through_a_billing_day(gym: Cloud) -> None:
    """`clock advance` does the work itself when nobody serves, and says where it stands."""
    file = gym.folder / "members.csv"
    file.write_text(f"{HEADER}\nZoé,Gagnon,,,gym,2026-01-31\n")
    gym.ok("import-members", str(file))
    gym.ok("clock", "rate", "0")
    assert "2026-02-01 12:00:00 America/Toronto (standing" in gym.ok("clock", "advance", "2026-02-01T12:00:00")
    back = gym.run("clock", "advance", "2026-01-01T00:00:00")
    assert (back.exit_code, "BackwardsClockError" in back.output) == (1, True)


def test_a_gateway_and_a_key_are_made(gym: Cloud) -> None:
    """enrol-gateway writes what the technician needs, with a certificate; api-key prints a key."""
    directory = gym.folder / "front"
    gym.ok("enrol-gateway", "front", str(directory), "--authority", str(gym.folder / "ca"))
    assert 'id = "front"' in (directory / "gateway.toml").read_text()
    assert {path.name for path in directory.iterdir()} == {
        "gateway.toml",
        "site-k1.key",
        "ca.crt",
        "front.crt",
        "front.key",
    }
    assert gym.ok("api-key", "till").strip().startswith("plk_")


def test_what_is_not_migrated_is_not_touched(cloud: Cloud) -> None:
    """The message says which command to run; the exit status tells systemd not to try again."""
    done = cloud.run("clock", "show")
    assert done.exit_code == 78
    assert "portillon-cloud migrate" in done.output


def test_work_refuses_sqlite(gym: Cloud) -> None:
    """A second process on the file would break its one rule."""
    done = gym.run("work")
    assert done.exit_code == 78
    assert "PORTILLON_DATABASE_URL" in done.output


def test_a_live_gyms_clock_cannot_be_turned(cloud: Cloud) -> None:
    """And it cannot be given a start."""
    cloud.ok("migrate")
    opening = ("open-gym", "--live", "--name", "G", "--owner-email", "o@example.org", "--owner-password", PASSWORD)
    refused = cloud.run(*opening, "--clock-starts", "2026-01-10T08:00:00")
    assert (refused.exit_code, "no clock to set" in refused.output) == (1, True)
    cloud.ok(*opening)
    turned = cloud.run("clock", "advance", "2099-01-01T00:00:00")
    assert (turned.exit_code, "LiveClockError" in turned.output) == (1, True)


def test_several_gyms_ask_which_one(gym: Cloud) -> None:
    """The choice is printed; naming one works."""
    gym.ok("open-gym", "--name", "Second", "--owner-email", "two@example.org", "--owner-password", PASSWORD)
    asked = gym.run("clock", "show")
    assert asked.exit_code == 1
    assert "--organisation: 1 (Gym), 2 (Second)" in asked.output
    gym.ok("clock", "show", "--organisation", "2")
    assert "no organisation 9" in gym.run("clock", "show", "--organisation", "9").output


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--database-url", "mysql://x"), "not supported"),
        (("--broker", "http://x"), "no broker"),
        (("--broker", "mqtt://example.org:1883"), "loopback"),
    ],
)
def test_a_wrong_setting_is_named(gym: Cloud, options: tuple[str, ...], expected: str) -> None:
    """In one sentence, with the status that stops a restart loop."""
    done = gym.run(*options, "clock", "show")
    assert done.exit_code == 78
    assert expected in done.output
    assert "Traceback" not in done.output


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def served(gym: Cloud, port: int) -> Iterator[subprocess.Popen[str]]:
    process = gym.start("serve", "--port", str(port))
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


def get(port: int, path: str) -> tuple[int, bytes]:
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return answer.status, answer.read()
        except (ConnectionError, urllib.error.URLError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def test_serve_answers_works_and_ends_when_told(gym: Cloud, served: subprocess.Popen[str], port: int) -> None:
    """It serves HTTP, keeps others off its database, and SIGTERM ends it cleanly within seconds."""
    status, body = get(port, "/api/v1/openapi.json")
    assert status == 200
    assert json.loads(body)["info"]["title"].startswith("Portillon")
    in_use = gym.run("clock", "show")
    assert in_use.exit_code == 1
    assert f"in use by process {served.pid}" in in_use.output
    served.send_signal(signal.SIGTERM)
    assert served.wait(20) == 0
    gym.ok("clock", "show")


def test_a_killed_server_leaves_the_database_to_the_next(gym: Cloud, served: subprocess.Popen[str], port: int) -> None:
    """No stale lock: whatever way it died."""
    get(port, "/api/v1/openapi.json")
    served.kill()
    served.wait(10)
    gym.ok("clock", "show")


def test_a_port_in_use_is_named(gym: Cloud) -> None:
    """The message names address and option."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = gym.run("serve", "--port", str(taken.getsockname()[1]))
    assert done.exit_code == 1
    assert "choose another --port" in done.output
