"""`portillon-cloud stripe`: keys go in by a prompt or the environment, and only their last four come out."""

from pathlib import Path

from portillon_cloud.cli import app
from psp.conftest import Service
from typer.testing import CliRunner


def test_enter_show_end(service: Service, tmp_path: Path) -> None:
    """An account is entered, shown, ended; a key that opens nothing ends the command with one sentence, without it."""
    secret = f"sk_test_{service.account}"

    def run(*arguments: str, typed: str = "") -> tuple[int, str]:
        options = ("--data-dir", str(tmp_path), "--stripe-test-url", service.running.url)
        done = CliRunner().invoke(app, [*options, *arguments], input=typed, env={"COLUMNS": "200"})
        return done.exit_code, done.output

    assert run("migrate")[0] == 0
    opened = ("--owner-email", "owner@example.org", "--owner-password", "correct horse battery staple")
    assert run("open-gym", "--name", "Gym", *opened, "--clock-starts", "2026-01-10T08:00:00")[0] == 0
    assert "None: enter one" in run("stripe", "show")[1]
    code, said = run("stripe", "enter", "--webhook-secret", "whsec_hidden", typed=f"{secret}\n")
    assert (code, f"acct_{service.account}" in said, secret in said) == (0, True, False)
    assert f"…{secret[-4:]}  in use  hears webhooks" in run("stripe", "show")[1]
    code, said = run("stripe", "enter", typed="sk_test_NOBODY\n")
    assert (code, "does not take this key" in said, "sk_test_NOBODY" in said) == (1, True, False)
    assert "It is ended." in run("stripe", "end")[1]
    assert "There was none." in run("stripe", "end")[1]
    assert "ended" in run("stripe", "show")[1]
