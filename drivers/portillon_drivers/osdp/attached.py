"""What inputs and outputs of an OSDP reader have in common: keys of their sections, and finding their reader."""

from collections.abc import Mapping

from pydantic import Field

from portillon_drivers.errors import PermanentDeviceError
from portillon_drivers.options import DeviceOptions, Name
from portillon_drivers.ports import Reader
from portillon_drivers.readers.osdp import OsdpReader


class TerminalOptions(DeviceOptions):
    """Any terminal of an OSDP reader; the reader's own section says where its line is, and under which key."""

    reader: Name = Field(description="the OSDP reader that has the terminal, for example lane1-reader")
    number: int = Field(ge=0, le=63, description="the terminal's number in the reader's manual less 1: 0 is the first")

    @property
    def relies_on(self) -> str | None:
        """That reader."""
        return self.reader


def reader_of(options: TerminalOptions, readers: Mapping[str, Reader]) -> OsdpReader:
    """Its reader; raises PermanentDeviceError if there is no OSDP reader of that name."""
    reader = readers.get(options.reader)
    if not isinstance(reader, OsdpReader):
        raise PermanentDeviceError(f'"{options.name}": "{options.reader}" is no OSDP reader; correct reader')
    return reader
