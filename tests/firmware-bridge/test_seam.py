"""The seam for bridged boards: documented, empty, and depending on nothing but the drivers."""

from pathlib import Path

import portillon_bridge
import portillon_drivers.ports
import portillon_drivers.registry
import portillon_edge.guard.core

ROOT = Path(portillon_bridge.__file__).parents[2]


def test_readme_names_what_exists() -> None:
    """Every place that the seam's page points to is there."""
    page = (ROOT / "firmware-bridge" / "README.md").read_text(encoding="utf-8")
    for module in (portillon_drivers.ports, portillon_drivers.registry, portillon_edge.guard.core):
        assert module.__name__ in page
    assert (ROOT / "tests" / "contracts").is_dir()
    for port in ("Reader", "Inputs", "Output"):
        assert port in page
        assert hasattr(portillon_drivers.ports, port)


def test_nothing_is_registered_that_does_not_exist() -> None:
    """No configuration can ask for a bridged board before there is one."""
    boards = (portillon_drivers.registry.OUTPUTS, portillon_drivers.registry.INPUTS)
    assert all("osdp_board" not in family for family in boards)
