"""What must agree between the sections `[[indicators]]` and the doors and readers that they name. Pure."""

from collections.abc import Iterable, Iterator

from portillon_drivers.options import IndicatorOptions, ReaderOptions

from portillon_config.choices import choices
from portillon_config.doors.base import Door


def indicator_incoherences(
    indicators: Iterable[IndicatorOptions], doors: Iterable[Door], readers: Iterable[ReaderOptions]
) -> Iterator[str]:
    """One line per contradiction: the key, and what to do."""
    by_door = {door.name: door for door in doors}
    types = {reader.name: reader.type for reader in readers}
    for indicator in indicators:
        place = f'indicators ("{indicator.name}")'
        door = by_door.get(indicator.door)
        if door is None:
            yield f'{place}.door: there is no door "{indicator.door}" among {choices(by_door)}; correct it'
            continue
        own = (*door.readers, *door.exit_readers)
        for name in indicator.readers or ():
            if name not in own:
                yield f'{place}.readers: door "{door.name}" has no reader "{name}", it has {choices(own)}; correct it'
        relied_on = indicator.relies_on
        if relied_on is not None and types.get(relied_on) != indicator.type:
            fitting = choices(name for name in own if types.get(name) == indicator.type)
            yield (
                f'{place}.reader: "{relied_on}" is no reader of type {indicator.type}; '
                f'door "{door.name}" has {fitting}: name one'
            )
