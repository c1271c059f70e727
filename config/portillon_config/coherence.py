"""What no single section can know: names, places and times that must agree across the file. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from portillon_drivers.options import DeviceOptions, PinUse, ReaderOptions, SerialOptions

from portillon_config.attached import attached_incoherences
from portillon_config.door_coherence import door_incoherences
from portillon_config.indicators import indicator_incoherences
from portillon_config.model import Gateway, GatewayConfig

SOCKET_PATH_BYTES_MAX = 107
"""sun_path of unix(7), less its closing zero."""
LINE_KEYS = ("rs485_mode", "baud", "parity")
PADS_TOLD_ON_THE_WIRE = frozenset({"osdp"})
"""Types whose readers say by themselves whether they have a PIN pad; the configuration cannot know it."""


def incoherences(config: GatewayConfig) -> Iterator[str]:
    """One line per contradiction: the key, and what to do."""
    yield from _long_sockets(config.gateway)
    yield from _doubled_names(config)
    devices = (*config.readers, *config.outputs, *config.inputs, *config.indicators)
    yield from _doubled_places(devices)
    yield from _shared_ports(devices)
    for reader in config.readers:
        yield from _accepted_kinds(reader)
        yield from _pin_pad(reader)
    yield from attached_incoherences("outputs", config.outputs, config.readers)
    yield from attached_incoherences("inputs", config.inputs, config.readers)
    yield from indicator_incoherences(config.indicators, config.doors, config.readers)
    yield from door_incoherences(config)


def _long_sockets(gateway: Gateway) -> Iterator[str]:
    for key, path in (("guard_socket", gateway.guard_path), ("data_dir", gateway.orders_path)):
        if len(bytes(path)) > SOCKET_PATH_BYTES_MAX:
            yield (
                f"gateway.{key}: {path} is longer than a socket's path may be, {SOCKET_PATH_BYTES_MAX} bytes; "
                "give a shorter one"
            )


def _doubled_names(config: GatewayConfig) -> Iterator[str]:
    for section in ("readers", "outputs", "inputs", "indicators", "doors", "watches", "interlocks"):
        for name, count in Counter(device.name for device in getattr(config, section)).items():
            if count > 1:
                yield f'{section}: {count} are named "{name}"; give each its own name'
    for key_id, count in Counter(key.key_id for key in config.site.keys).items():
        if count > 1:
            yield f'site.keys: {count} have the key_id "{key_id}"; each key has its own'
    for kid, count in Counter(key.kid for key in config.cloud.keys).items():
        if count > 1:
            yield f'cloud.keys: {count} have the kid "{kid}"; each key has its own'


def _doubled_places(devices: Sequence[DeviceOptions]) -> Iterator[str]:
    by_place = defaultdict(list)
    for device in devices:
        for place in device.places:
            by_place[place].append(device.name)
    for place, names in by_place.items():
        if len(names) > 1:
            yield f"{_listed(names)} are both on {place}; correct the path, channel or pin of all but one"
    on_a_bus = {place: device for device in devices for place in device.bus_places}
    for place, names in by_place.items():
        if place in on_a_bus:
            bus = on_a_bus[place]
            yield f'{_listed(names)}: {place} belongs to the bus of "{bus.name}" ({bus.type}); take another pin'


def _shared_ports(devices: Sequence[DeviceOptions]) -> Iterator[str]:
    by_port = defaultdict(list)
    for device in devices:
        by_port[device.port].append(device)
    for port, sharing in by_port.items():
        names = _listed([device.name for device in sharing])
        if len({device.type for device in sharing}) > 1:
            yield f"{names} are of different types but both on {port}; correct the path of all but one"
        elif isinstance(sharing[0], SerialOptions):
            for key in LINE_KEYS:
                if len({getattr(device, key, None) for device in sharing}) > 1:
                    yield f"{names} share {port} but differ in {key}; give them the same"


def _accepted_kinds(reader: ReaderOptions) -> Iterator[str]:
    accepted = frozenset(reader.accepts or ())
    place = f'readers ("{reader.name}").accepts'
    pins = sorted(kind for kind in accepted if kind.secret)
    if pins:
        yield f'{place}: {", ".join(pins)} is not switched on here; remove it, and write pin = "with_card" or "alone"'
    strange = sorted(kind for kind in accepted - reader.tells if not kind.secret)
    if strange:
        tells = ", ".join(sorted(reader.tells))
        yield (
            f"{place}: this {reader.type} cannot tell {', '.join(strange)}, it tells {tells}; "
            "remove what it cannot tell, or give it what it needs for that"
        )


def _pin_pad(reader: ReaderOptions) -> Iterator[str]:
    if reader.pin is PinUse.NEVER or reader.type in PADS_TOLD_ON_THE_WIRE:
        return
    keypad = getattr(reader, "keypad", None)
    place = f'readers ("{reader.name}").pin'
    if keypad is None:
        yield f'{place}: the type {reader.type} has no PIN pad; write pin = "never", or take another reader'
    elif keypad == "none":
        yield f'{place}: its PIN pad is switched off; say by keypad = … how it sends its keys, or write pin = "never"'


def _listed(names: Sequence[str]) -> str:
    return " and ".join(f'"{name}"' for name in names)
