"""What must agree between inputs and outputs that are part of a reader and the section of that reader. Pure."""

from collections.abc import Iterable, Iterator

from portillon_drivers.options import DeviceOptions, ReaderOptions

from portillon_config.choices import choices


def attached_incoherences(
    section: str, devices: Iterable[DeviceOptions], readers: Iterable[ReaderOptions]
) -> Iterator[str]:
    """One line per device of that section whose reader is not there or of another type: the key, and what to do."""
    types = {reader.name: reader.type for reader in readers}
    for device in devices:
        if device.relies_on is not None and types.get(device.relies_on) != device.type:
            fitting = choices(name for name, kind in types.items() if kind == device.type)
            yield (
                f'{section} ("{device.name}").reader: "{device.relies_on}" is no reader of type {device.type}; '
                f"there are {fitting}: name one, or add its [[readers]]"
            )
