"""The systemd units: understood by systemd without a warning, hardened, and calling commands that exist."""

import re
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "systemd"
UNITS = sorted(FOLDER.glob("*.service"))
EXPOSURE_MAX = {"portillon-gateway": 20, "portillon-guard": 15, "portillon-cloud": 20, "portillon-worker": 20}
"""Tenths of `systemd-analyze security`; a bare unit has 96 (hardware notes, §8)."""

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")


def installed(unit: Path, folder: Path) -> Path:
    """A copy whose commands and users are there: systemd looks for them."""
    text = re.sub(r"/opt/portillon/bin/\S+", "/bin/true", unit.read_text())
    text = re.sub(r"^(User|Group|SupplementaryGroups)=.*$", "", text, flags=re.M)
    copy = folder / unit.name
    copy.write_text(text)
    return copy


def section(unit: Path, name: str) -> dict[str, str]:
    parser = ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(unit)
    return dict(parser[name])


def test_all_units_are_there() -> None:
    """Guard, gateway, cloud and worker; the updater's place is described in the README."""
    assert {unit.stem for unit in UNITS} == set(EXPOSURE_MAX)
    assert "updater" in (FOLDER / "README.md").read_text()


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_understands_every_line(unit: Path, tmp_path: Path) -> None:
    """Unknown keys and bad values only warn by themselves; here they fail."""
    for other in UNITS:
        installed(other, tmp_path)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=yes", str(tmp_path / unit.name)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    about_ours = [line for line in done.stderr.splitlines() if "portillon" in line]
    assert not about_ours
    assert done.returncode == 0, done.stderr


@needs_systemd
def test_an_unknown_key_would_be_found(tmp_path: Path) -> None:
    """Ablation: the check above can fail."""
    copy = installed(UNITS[0], tmp_path)
    copy.write_text(copy.read_text().replace("[Service]", "[Service]\nNoSuchKey=yes"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=yes", str(copy)], capture_output=True, timeout=60
    )
    assert done.returncode != 0 or b"NoSuchKey" in done.stderr


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_units_are_hardened(unit: Path, tmp_path: Path) -> None:
    """The exposure that systemd works out stays below the bound for each unit."""
    copy = tmp_path / unit.name
    copy.write_text(re.sub(r"/opt/portillon/bin/\S+", "/bin/true", unit.read_text()))
    done = subprocess.run(
        [
            *("systemd-analyze", "security", "--offline=true", "--no-pager"),
            *(f"--threshold={EXPOSURE_MAX[unit.stem]}", str(copy)),
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout[-400:] + done.stderr


def test_doors_are_restarted_for_ever() -> None:
    """No start limit at a door; a wrong configuration is the one thing that restarting cannot mend."""
    for name in ("portillon-gateway", "portillon-guard"):
        unit = FOLDER / f"{name}.service"
        assert section(unit, "Unit")["StartLimitIntervalSec"] == "0"
        assert section(unit, "Service")["Restart"] == "always"
        assert "78" in section(unit, "Service")["RestartPreventExitStatus"].split()


def test_gateway_is_not_bound_to_its_guard() -> None:
    """It outlives the guard, and refuses with a reason meanwhile."""
    unit = section(FOLDER / "portillon-gateway.service", "Unit")
    assert "BindsTo" not in unit and "Requires" not in unit
    assert unit["Wants"] == unit["After"] == "portillon-guard.service"
