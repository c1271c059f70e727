"""Which driver a `type = …` names. A driver's module is imported on first use, so a gateway loads only what it has.

Devices that share a board are built together; hence each driver builds all devices of its type in one call.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Generic, TypeVar

from portillon_drivers.errors import MissingLibraryError, UnknownDriverError
from portillon_drivers.events import ClockNs
from portillon_drivers.options import DeviceOptions, InputOptions, OutputOptions, ReaderOptions
from portillon_drivers.ports import Inputs, Output, Reader

READERS: Mapping[str, str] = {
    "rdm6300": "portillon_drivers.readers.rdm6300:DRIVER",
    "id12la": "portillon_drivers.readers.id12la:DRIVER",
    "wiegand": "portillon_drivers.readers.wiegand.reader:DRIVER",
    "serial_scanner": "portillon_drivers.readers.serial_scanner:DRIVER",
    "wedge_scanner": "portillon_drivers.readers.wedge_scanner:DRIVER",
    "pn532": "portillon_drivers.readers.pn532:DRIVER",
    "osdp": "portillon_drivers.readers.osdp:DRIVER",
}
OUTPUTS: Mapping[str, str] = {
    "lcus_relay": "portillon_drivers.outputs.lcus_relay:DRIVER",
    "gpio": "portillon_drivers.outputs.gpio_output:DRIVER",
}
INPUTS: Mapping[str, str] = {
    "modbus": "portillon_drivers.inputs.modbus_inputs:DRIVER",
    "gpio": "portillon_drivers.inputs.gpio_input:DRIVER",
}

O = TypeVar("O", bound=DeviceOptions)  # noqa: E741  the options of one driver
P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Driver(Generic[O, P]):
    """What a driver's module offers: the model of its section, and how to build all its devices."""

    options: type[O]
    build: Callable[[Sequence[O], ClockNs], Sequence[P]]


@cache
def driver_of(registered: str) -> Driver[Any, Any]:
    """Import `module:NAME`; raises MissingLibraryError if a library of the driver is not installed."""
    module, _, attribute = registered.partition(":")
    try:
        driver: Driver[Any, Any] = getattr(import_module(module), attribute)
    except ImportError as error:
        raise MissingLibraryError(f"{module} needs {error.name}, which is not installed here: install it") from error
    return driver


def options_model(family: Mapping[str, str], type_name: str) -> type[DeviceOptions]:
    """The model of that type's section; raises UnknownDriverError with the names there are."""
    if type_name not in family:
        raise UnknownDriverError(f"no driver is called {type_name!r}; there are: {', '.join(sorted(family))}")
    model: type[DeviceOptions] = driver_of(family[type_name]).options
    return model


def build_readers(options: Sequence[ReaderOptions], clock_ns: ClockNs) -> list[Reader]:
    """One reader per section; each wants a thread of its own for `run`."""
    return _build(READERS, options, clock_ns)


def build_inputs(options: Sequence[InputOptions], clock_ns: ClockNs) -> list[Inputs]:
    """One `Inputs` per board, telling all its named inputs; each wants a thread of its own for `run`."""
    return _build(INPUTS, options, clock_ns)


def build_outputs(options: Sequence[OutputOptions], clock_ns: ClockNs) -> list[Output]:
    """One output per section, none of them opened yet."""
    return _build(OUTPUTS, options, clock_ns)


def _build(family: Mapping[str, str], options: Sequence[DeviceOptions], clock_ns: ClockNs) -> list[Any]:
    built: list[Any] = []
    for type_name in dict.fromkeys(section.type for section in options):
        options_model(family, type_name)
        driver = driver_of(family[type_name])
        built += driver.build([section for section in options if section.type == type_name], clock_ns)
    return built
