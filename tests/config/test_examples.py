"""Every sample file is loaded: a technician copies from them."""

from pathlib import Path

import portillon_config
import pytest
from portillon_config import load
from portillon_drivers.options import Wiring
from portillon_drivers.registry import INPUTS, OUTPUTS, READERS, TIMED_OUTPUTS

EXAMPLES = sorted((Path(portillon_config.__file__).parents[1] / "examples").glob("*.toml"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_loads(example: Path) -> None:
    """The sample is a whole, coherent configuration."""
    assert load(example).doors


def test_examples_show_every_type_wiring_and_door() -> None:
    """What exists is shown: each driver, both wirings, each kind of door."""
    configs = [load(example) for example in EXAMPLES]
    assert {device.type for config in configs for device in config.readers} == set(READERS)
    assert {device.type for config in configs for device in config.outputs} == {*OUTPUTS, *TIMED_OUTPUTS}
    assert {device.type for config in configs for device in config.inputs} == set(INPUTS)
    assert {device.wiring for config in configs for device in config.outputs} == set(Wiring)
    assert {door.kind for config in configs for door in config.doors} == {"turnstile_lane", "door", "barrier"}
