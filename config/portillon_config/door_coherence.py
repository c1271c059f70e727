"""What must agree between doors, watches, interlocks and the devices that they name. Pure.

Each device serves one door, each input one door or one watch. What a site may keep released for hours (free exits,
doors that a fire sets free, lamps) needs an output that says `continuous = true`.
"""

from collections.abc import Collection, Iterator, Sequence

from portillon_drivers.options import DeviceOptions, OutputOptions

from portillon_config.choices import choices
from portillon_config.doors import AnyDoor, SingleDoor, TurnstileLane
from portillon_config.lane_profile import wrong_contacts
from portillon_config.model import GatewayConfig
from portillon_config.watches import Watch


def door_incoherences(config: GatewayConfig) -> Iterator[str]:
    """One line per contradiction: the key, and what to do."""
    owners: dict[tuple[str, str], str] = {}
    outputs = {output.name: output for output in config.outputs}
    for door in config.doors:
        yield from _uses(door, config, owners)
        yield from _times(door, outputs)
        yield from _signals(door, config, outputs)
        yield from _stands_released(door, outputs)
    for watch in config.watches:
        yield from _watch(watch, config, owners, outputs)
    yield from _interlocks(config)
    yield from _unused(config)


def _uses(door: AnyDoor, config: GatewayConfig, owners: dict[tuple[str, str], str]) -> Iterator[str]:
    place = f'doors ("{door.name}")'
    uses: list[tuple[str, str, str, Sequence[DeviceOptions]]]
    uses = [("readers", "reader", name, config.readers) for name in door.readers]
    uses += [("exit_readers", "reader", name, config.readers) for name in door.exit_readers]
    uses += [(key, "output", name, config.outputs) for key, name in door.outputs.items()]
    uses += [(key, "input", name, config.inputs) for key, name in door.inputs.items()]
    ours: set[tuple[str, str]] = set()
    for key, what, name, devices in uses:
        known = {device.name for device in devices}
        first = owners.setdefault((what, name), f'door "{door.name}"')
        if name not in known:
            yield f"{place}.{key}: {_not_there(what, name, known)} or add [[{what}s]]"
        elif first != f'door "{door.name}"':
            yield f'{place}.{key}: "{name}" belongs to {first} already; each device serves one door'
        elif (what, name) in ours:
            yield f'{place}.{key}: "{name}" has another part at this door already; give each part its own {what}'
        ours.add((what, name))


def _times(door: AnyDoor, outputs: dict[str, OutputOptions]) -> Iterator[str]:
    lasts = ("pulse_ms", door.pulse_ms)
    if isinstance(door, TurnstileLane) and door.drive == "level":
        lasts = ("passage_window_ms times long_access_factor", door.release_ms_max)
    on_ms = {"output": lasts, "exit_output": lasts}
    closing_ms: int | None = getattr(door, "close_pulse_ms", None)
    if closing_ms is not None:
        on_ms["close_output"] = ("close_pulse_ms", closing_ms)
    for key, (told, ms) in on_ms.items():
        output = outputs.get(door.outputs.get(key, ""))
        if output is not None and ms > output.max_on_ms:
            yield (
                f'doors ("{door.name}").{told}: {ms} is longer than output "{output.name}" may be on, '
                f"max_on_ms = {output.max_on_ms}; lower the one or raise the other"
            )
    lock = outputs.get(door.output)
    if isinstance(door, SingleDoor) and door.rex_input and lock and door.pulse_ms <= lock.max_on_ms < 2 * door.pulse_ms:
        # The bound counts from the first release: whoever presses as a grant's release ends must get a whole one.
        yield (
            f'doors ("{door.name}").rex_input: output "{lock.name}" has max_on_ms = {lock.max_on_ms}, too short for a '
            f"grant and an exit request right after it; write at least {2 * door.pulse_ms}"
        )


def _signals(door: AnyDoor, config: GatewayConfig, outputs: dict[str, OutputOptions]) -> Iterator[str]:
    if not isinstance(door, TurnstileLane) or not door.made:
        return
    place = f'doors ("{door.name}")'
    inputs = {line.name: line for line in config.inputs}
    wired = {key: inputs[name] for key, name in door.inputs.items() if name in inputs}
    for told in wrong_contacts(door.made, wired):
        yield f"{place}.{told}"
    longest_ms = door.made.level_ms_max
    for key in ("output", "exit_output"):
        output = outputs.get(door.outputs.get(key, ""))
        # Who badges again lengthens a release without a gap, up to what the output allows.
        if output is not None and longest_ms is not None and output.max_on_ms > longest_ms:
            yield (
                f'{place}.{key}: output "{output.name}" has max_on_ms = {output.max_on_ms}, but a signal longer than '
                f"{longest_ms} means something else to {door.made.title}; write max_on_ms = {longest_ms}"
            )


def _stands_released(door: AnyDoor, outputs: dict[str, OutputOptions]) -> Iterator[str]:
    keys = ["ready_output"]
    if getattr(door, "free_exit", False):
        keys.append("exit_output")
    for key in keys:
        output = outputs.get(door.outputs.get(key, ""))
        if output is not None and not output.continuous:
            yield (
                f'doors ("{door.name}").{key}: output "{output.name}" is to be on for hours; '
                "if relay and load bear that, write continuous = true in its section"
            )


def _watch(
    watch: Watch, config: GatewayConfig, owners: dict[tuple[str, str], str], outputs: dict[str, OutputOptions]
) -> Iterator[str]:
    place = f'watches ("{watch.name}")'
    known = {line.name for line in config.inputs}
    first = owners.setdefault(("input", watch.input), f'watch "{watch.name}"')
    if watch.input not in known:
        yield f"{place}.input: {_not_there('input', watch.input, known)} or add [[inputs]]"
    elif first != f'watch "{watch.name}"':
        yield f'{place}.input: "{watch.input}" belongs to {first} already; each input has one owner'
    doors = {door.name: door for door in config.doors}
    for name in watch.doors:
        if name not in doors:
            yield f"{place}.doors: {_not_there('door', name, doors)}"
    if not watch.kind.releases:
        return
    for door in (doors[name] for name in watch.doors or doors if name in doors):
        for key in ("output", "exit_output"):
            output = outputs.get(door.outputs.get(key, ""))
            if output is not None and not output.continuous:
                yield (
                    f'{place}: it sets door "{door.name}" free for hours, but output "{output.name}" does not say '
                    "continuous = true; write it there if relay and lock bear that, or name other doors"
                )


def _interlocks(config: GatewayConfig) -> Iterator[str]:
    doors = {door.name: door for door in config.doors}
    for interlock in config.interlocks:
        place = f'interlocks ("{interlock.name}").doors'
        if len(set(interlock.doors)) < len(interlock.doors):
            yield f"{place}: a door stands there twice; name each once"
        for name in interlock.doors:
            if name not in doors:
                yield f"{place}: {_not_there('door', name, doors)}"
            elif "contact_input" not in doors[name].inputs:
                yield (
                    f'{place}: door "{name}" has no contact_input, so nobody knows when the others may open; '
                    "give it one, or leave it out"
                )


def _unused(config: GatewayConfig) -> Iterator[str]:
    used = {
        "readers": {name for door in config.doors for name in (*door.readers, *door.exit_readers)},
        "outputs": {name for door in config.doors for name in door.outputs.values()},
        "inputs": {
            *(name for door in config.doors for name in door.inputs.values()),
            *(watch.input for watch in config.watches),
        },
    }
    for section, names in used.items():
        for device in getattr(config, section):
            if device.name not in names:
                yield f'{section} ("{device.name}"): no door uses it; name it in a [[doors]] section, or remove it'


def _not_there(what: str, name: str, known: Collection[str]) -> str:
    there_are = choices(known)
    return f'there is no {what} "{name}" among {there_are}; correct it'
