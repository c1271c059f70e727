"""Inputs by which people get out: whatever their sections say, turning active is told while they flap too. Pure."""

from portillon_drivers.options import InputOptions

from portillon_config.model import GatewayConfig


def with_egress(config: GatewayConfig) -> GatewayConfig:
    """The configuration with `egress` set for every exit button, fire input and emergency release that it names."""
    names = {door.inputs.get("rex_input") for door in config.doors}
    names |= {watch.input for watch in config.watches if watch.kind.releases}
    inputs = tuple(_egress(line) if line.name in names else line for line in config.inputs)
    return config.model_copy(update={"inputs": inputs})


def _egress(line: InputOptions) -> InputOptions:
    return line.model_copy(update={"egress": True})
