"""What a technician types, and what the gateway answers."""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from edge.gym_process import KEY, MEMBER_CARD, STRANGER_CARD, Gym, gym
from edge.store.event_samples import at, event
from portillon_edge.cli import app
from portillon_edge.instance_lock import InstanceLock
from portillon_edge.store.chain import chain_keys
from portillon_edge.store.journal_shelf import JournalShelf
from typer.testing import CliRunner


@pytest.fixture
def settings(tmp_path: Path) -> Gym:
    """A configured gateway that does not run, with what the cloud would have sent."""
    made = Gym(tmp_path)
    made.seed()
    return made


def said(*words: str) -> tuple[int, str]:
    """Exit status and all output, line breaks of the terminal undone."""
    result = CliRunner().invoke(app, list(words))
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, re.sub(r"\s+", " ", result.output)


@pytest.mark.parametrize("command", ["run", "check", "explain", "status", "guard"])
def test_help_teaches_by_example(command: str) -> None:
    """Each command shows how it is typed; the top level explains the exit statuses."""
    status, output = said(command, "--help")
    assert status == 0
    assert f"Examples: portillon-edge {command}" in output
    assert "78 the configuration is wrong" in said("--help")[1]


def test_explain_a_member(settings: Gym) -> None:
    """Granted at every door: exit status 0, the answer with its evidence first."""
    status, output = said("explain", f"em4100:{MEMBER_CARD}", "--config", str(settings.config_path))
    assert status == 0
    rests = "GRANTED. It rests on: entitlement @1."
    assert output.startswith(f"lane1 (zone gym): {rests} lane2 (zone gym): {rests} Credential k1.")
    assert "is member m-1" in output


def test_explain_every_way_to_write_a_credential(settings: Gym) -> None:
    """Numbers as printed on a card are read too; a kind that no reader of the door takes is refused as such."""
    for written in ("h10301:67-1000", "wiegand:26.28607D1", "phone:" + "0" * 32, "pin:491730"):
        status, output = said("explain", written, "--config", str(settings.config_path), "--door", "lane1")
        assert status == 1
        assert output.startswith("lane1 (zone gym): REFUSED, kind_not_accepted.")


def test_explain_a_stranger_in_french(settings: Gym) -> None:
    """Refused: exit status 1, one door only, in the language asked for."""
    asked = ("explain", f"em4100:{STRANGER_CARD}", "--config", str(settings.config_path))
    status, output = said(*asked, "--door", "lane2", "--language", "fr")
    assert status == 1
    assert output.startswith("lane2 (zone gym) : REFUSÉ, unknown_credential.")
    assert "lane1" not in output


def test_explain_before_the_first_start(tmp_path: Path) -> None:
    """An empty data folder is a gateway that never heard anything, not an error; looking creates no file."""
    empty = Gym(tmp_path)
    status, output = said("explain", f"em4100:{MEMBER_CARD}", "--config", str(empty.config_path))
    assert status == 1
    assert "never_synced" in output and "has no row here" in output
    assert list(empty.data_dir.iterdir()) == []


@pytest.mark.parametrize(
    ("extra", "what"),
    [
        (["0F0027A46B"], "kind:value"),
        ([f"em4100:{MEMBER_CARD}", "--door", "cellar"], "there are: lane1, lane2"),
        ([f"em4100:{MEMBER_CARD}", "--language", "de"], "write en or fr"),
    ],
)
def test_mistyped_commands_say_what_to_type(settings: Gym, extra: list[str], what: str) -> None:
    """Exit status 2, and the right way."""
    status, output = said("explain", *extra, "--config", str(settings.config_path))
    assert status == 2
    assert what in output


@pytest.mark.parametrize("command", [["run"], ["check"], ["explain", "em4100:00"], ["status"]])
def test_wrong_configuration(settings: Gym, command: list[str]) -> None:
    """Exit status 78 from every command, naming file and key."""
    text = settings.config_path.read_text()
    settings.config_path.write_text(text.replace("pulse_ms = 2000", "puls_ms = 2000"))
    status, output = said(*command, "--config", str(settings.config_path))
    assert status == 78
    assert "puls_ms" in output and settings.config_path.name in output


def test_readable_key_file_is_refused(settings: Gym) -> None:
    """A site key that everybody may read is no secret: the command says chmod 600."""
    (settings.folder / "site.key").chmod(0o644)
    status, output = said("status", "--config", str(settings.config_path))
    assert status == 78
    assert "chmod 600" in output


def test_status_without_a_gateway(settings: Gym) -> None:
    """Exit status 1, how to start it, and what its disk holds."""
    status, output = said("status", "--config", str(settings.config_path))
    assert status == 1
    assert "systemctl start portillon-gateway" in output
    assert "revision 1" in output


def test_status_of_a_gateway_without_a_sign_of_life(settings: Gym) -> None:
    """A process that holds the folder but reports nothing is not taken for healthy."""
    with InstanceLock(settings.data_dir):
        status, output = said("status", "--config", str(settings.config_path))
    assert status == 1
    assert "no sign of life" in output


def test_check_names_what_is_missing_and_what_to_do(settings: Gym) -> None:
    """No device is plugged in: exit status 1, and advice for each kind."""
    status, output = said("check", "--config", str(settings.config_path))
    assert status == 1
    assert "the configuration is right" in output
    assert output.count("down") >= 6
    assert "/dev/serial/by-id" in output
    assert output.count("lets pass what can be copied: em4100") == 2


@pytest.fixture
def plugged_in(tmp_path: Path) -> Iterator[Gym]:
    """A gym whose devices answer."""
    with gym(tmp_path) as (made, _):
        made.seed()
        yield made


def test_a_journal_that_was_tampered_with_is_named(settings: Gym) -> None:
    """`journal verify` and `check` say which file and which row, and leave with 1; untouched, verify leaves with 0."""
    asked = ("--config", str(settings.config_path))
    assert said("journal", "verify", *asked)[1].endswith("no journal has been written here yet. ")
    shelf = JournalShelf(settings.data_dir, reserve_bytes=0, keys=chain_keys((KEY,)))
    shelf.write([event("a"), event("b")], at())
    shelf.close()
    status, output = said("journal", "verify", *asked)
    assert status == 0 and "rows 1 to 2 are as they were written" in output
    hand = sqlite3.connect(settings.data_dir / "journal.db")
    hand.execute("UPDATE event SET kind = 'denied' WHERE sequence = 2")
    hand.commit()
    hand.close()
    for command in (("journal", "verify"), ("check",)):
        status, output = said(*command, *asked)
        assert status == 1 and "row 2 is not as it was written" in output


def test_check_and_status_of_a_gym_in_good_order(plugged_in: Gym) -> None:
    """Every device up, before and while the gateway runs; `check` releases nothing and disturbs nobody."""
    status, output = said("check", "--config", str(plugged_in.config_path))
    assert status == 0, output
    plugged_in.start()
    status, output = said("check", "--config", str(plugged_in.config_path))
    assert status == 0
    assert "this is what it reports" in output
    status, output = said("status", "--config", str(plugged_in.config_path))
    assert status == 0
    assert "gw-test (test)" in output and "revision 1" in output and "gateway_started" in output
