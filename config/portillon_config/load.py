"""Reads the file, and says everything that is wrong with it at once."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from portillon_drivers.errors import PermanentDeviceError
from portillon_drivers.registry import INDICATORS, INPUTS, OUTPUTS, READERS, TIMED_OUTPUTS, options_model
from pydantic import BaseModel, ValidationError

from portillon_config.coherence import incoherences
from portillon_config.egress import with_egress
from portillon_config.errors import ConfigError
from portillon_config.model import GatewayConfig
from portillon_config.wording import problems_of

DEVICES: Mapping[str, Mapping[str, str]] = {
    "readers": READERS,
    "outputs": {**OUTPUTS, **TIMED_OUTPUTS},
    "inputs": INPUTS,
    "indicators": INDICATORS,
}


def load(path: Path) -> GatewayConfig:
    """The configuration in that file; raises ConfigError. Relative paths in it are meant from its own folder."""
    path = path.absolute()
    document = _parse(path)
    context = {"base": path.parent}
    problems: list[str] = []
    for section, family in DEVICES.items():
        document[section] = _devices(section, document.get(section, []), family, context, problems)
    try:
        config = GatewayConfig.model_validate(document, context=context)
    except ValidationError as error:
        raise ConfigError(path, [*problems, *problems_of(error, GatewayConfig)]) from None
    problems = problems or list(incoherences(config))
    if problems:
        raise ConfigError(path, problems)
    return with_egress(config)


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        told = f"cannot be read: {error.strerror}; give the path of the gateway's .toml file"
    except UnicodeDecodeError as error:
        told = f"is not UTF-8 text (byte {error.start}); save it as UTF-8"
    except tomllib.TOMLDecodeError as error:
        told = f"is no complete TOML: {error}; correct that place, or restore the file if it was cut short"
    raise ConfigError(path, [told])


def _devices(
    section: str, tables: Any, family: Mapping[str, str], context: Mapping[str, Path], problems: list[str]
) -> list[BaseModel]:
    """The sections that are right, as their drivers' models; what is wrong is added to `problems`."""
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        problems.append(f"{section}: write its sections as [[{section}]]")
        return []
    devices: list[BaseModel] = []
    for index, table in enumerate(tables):
        name = table.get("name")
        place = f'{section}[{index}] ("{name}")' if isinstance(name, str) else f"{section}[{index}]"
        type_name = table.get("type")
        if not isinstance(type_name, str):
            problems.append(f"{place}.type: is missing or no text; there are: {', '.join(sorted(family))}")
            continue
        try:
            model = options_model(family, type_name)
        except PermanentDeviceError as error:
            problems.append(f"{place}.type: {error}")
            continue
        try:
            devices.append(model.model_validate(table, context=dict(context)))
        except ValidationError as error:
            problems.extend(f"{place}.{problem}" for problem in problems_of(error, model))
    return devices
