"""`portillon-edge simulate`: the true gateway, guard and drivers in a process of their own, prodded through a pipe."""

import subprocess
import sys
from pathlib import Path

import pytest
from portillon_edge.technician.practice_site import PIN

EVERY_READER = Path("config/examples/every-reader.toml")
TWO_LANES = Path("config/examples/turnstile-two-lanes.toml")
WAIT_S = 60


def played(file: Path, *lines: str, options: tuple[str, ...] = ()) -> str:
    """What stood on the terminal after these lines were typed."""
    done = subprocess.run(
        [sys.executable, "-m", "portillon_edge.cli", "simulate", str(file), *options],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def told_after(output: str, line: str) -> str:
    """What was told between that line and the next."""
    return output.split(f"> {line}\n", 1)[1].split("> ", 1)[0]


def test_a_whole_site_is_played() -> None:
    """A member passes, a stranger is refused, noise and a cut wire are faults, and a wrong line says what to type."""
    output = played(
        TWO_LANES,
        "present lane1-reader",
        "push lane1",
        "present lane2-reader stranger",
        "noise lane1-reader",
        "cut lane2-reader",
        "open sesame",
        "present lane3-reader",
        "present lane1-reader nfca:04DE5F1EACC040",
        "look",
    )
    assert "no section [[indicators]]" in told_after(output, "look")
    assert "lane1  granted" in told_after(output, "present lane1-reader")
    assert "lane1  passage" in told_after(output, "push lane1")
    assert "lane2  denied  unknown_credential" in told_after(output, "present lane2-reader stranger")
    assert "reader_fault  junk" in told_after(output, "noise lane1-reader")
    assert "reader_fault  down" in told_after(output, "cut lane2-reader")
    assert "no command 'open'" in told_after(output, "open sesame")
    assert "there are: lane1-reader, lane2-reader" in told_after(output, "present lane3-reader")
    assert "a 125 kHz reader reads tags" in told_after(output, "present lane1-reader nfca:04DE5F1EACC040")


def test_every_type_of_reader_is_played() -> None:
    """Cards, keys, passes and codes pass the true drivers; what a reader does not take is refused and says so."""
    output = played(
        EVERY_READER,
        "present lane1-card",
        "push lane1",
        "pass lane1-qr",
        "present staff-card",
        f"press staff-card {PIN}#",
        "present floor-nfc",
        "present sauna-pad h10301:67-1000",
        "present pool-tag",
        "code visitors-scanner",
        "present visitors-scanner",
        "noise floor-nfc",
    )
    for line, told in {
        "present lane1-card": "lane1  granted",
        "pass lane1-qr": "lane1  granted",
        f"press staff-card {PIN}#": "staff-door  granted",
        "present floor-nfc": "gym-floor  granted",
        "present sauna-pad h10301:67-1000": "sauna  granted",
        "present pool-tag": "pool  granted",
        "code visitors-scanner": "visitors-gate  granted",
        "present visitors-scanner": "kind_not_accepted",
        "noise floor-nfc": "reader_fault  collision",
    }.items():
        assert told in told_after(output, line)
    assert "granted" not in told_after(output, "present staff-card")


def test_more_members_and_nothing_else(tmp_path: Path) -> None:
    """--member lets one more credential in; --dir keeps the site there, and its key for its owner alone."""
    output = played(
        TWO_LANES,
        "present lane1-reader em4100:0A0B0C0D0E",
        options=("--member", "em4100:0A0B0C0D0E", "--dir", str(tmp_path)),
    )
    assert "lane1  granted" in output
    assert (tmp_path / "site.key").stat().st_mode & 0o077 == 0
    assert (tmp_path / "data" / "journal.db").exists()


def test_two_members_read_two_languages() -> None:
    """`look` tells what stands on the display: each member's own language, and both for a stranger."""
    output = played(
        EVERY_READER,
        "present lane1-card h10301:67-1002",
        "look",
        "present lane1-card h10301:67-1003",
        "look again",
        options=("--member", "h10301:67-1002=fr", "--member", "h10301:67-1003=en"),
    )
    assert "Bienvenue" in told_after(output, "look")
    assert "Please wait: / lane in use" in told_after(output, "look again")


@pytest.mark.parametrize("member", ["em4100:XYZ", "somebody", "em4100:0A0B0C0D0E=eo"])
def test_a_wrong_member_is_refused(member: str) -> None:
    """A credential that is none, and a language that nobody here speaks, end the command with what to write."""
    command = [sys.executable, "-m", "portillon_edge.cli", "simulate", str(TWO_LANES), "--member", member]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert done.returncode == 2
    assert "write" in done.stderr


def test_a_wrong_file_says_what_is_wrong(tmp_path: Path) -> None:
    """A file that is no configuration is told like everywhere else, and nothing is started."""
    wrong = tmp_path / "gateway.toml"
    wrong.write_text("[gateway\n")
    command = [sys.executable, "-m", "portillon_edge.cli", "simulate", str(wrong)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert done.returncode == 78
    assert "is no complete TOML" in done.stderr
