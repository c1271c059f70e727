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
from portillon_drivers.options import DeviceOptions, IndicatorOptions, InputOptions, OutputOptions, ReaderOptions
from portillon_drivers.ports import Indicator, Inputs, Output, Reader, TimedOutput

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
    "modbus_relay": "portillon_drivers.outputs.modbus_relay:DRIVER",
}
TIMED_OUTPUTS: Mapping[str, str] = {
    "osdp": "portillon_drivers.outputs.osdp_output:DRIVER",
}
"""Outputs whose device ends every release by itself; the gateway drives them, not the guard."""
INPUTS: Mapping[str, str] = {
    "modbus": "portillon_drivers.inputs.modbus_inputs:DRIVER",
    "modbus_analog": "portillon_drivers.inputs.modbus_analog:DRIVER",
    "mcp3008": "portillon_drivers.inputs.mcp3008:DRIVER",
    "gpio": "portillon_drivers.inputs.gpio_input:DRIVER",
    "osdp": "portillon_drivers.inputs.osdp_inputs:DRIVER",
}
INDICATORS: Mapping[str, str] = {
    "gpio": "portillon_drivers.indicators.gpio_lamps:DRIVER",
    "osdp": "portillon_drivers.indicators.osdp_reader:DRIVER",
    "lcd": "portillon_drivers.indicators.character_lcd:DRIVER",
}

O = TypeVar("O", bound=DeviceOptions)  # noqa: E741  the options of one driver
P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Driver(Generic[O, P]):
    """What a driver's module offers: the model of its section, and how to build all its devices."""

    options: type[O]
    build: Callable[[Sequence[O], ClockNs], Sequence[P]]


@dataclass(frozen=True, slots=True)
class IndicatorDriver(Generic[O]):
    """The same for indicators, some of which are part of a reader: they get all readers by name, and no clock."""

    options: type[O]
    build: Callable[[Sequence[O], Mapping[str, Reader]], Sequence[Indicator]]


@dataclass(frozen=True, slots=True)
class AttachedDriver(Generic[O, P]):
    """The same for inputs and outputs that are part of a reader: they get all readers by name too."""

    options: type[O]
    build: Callable[[Sequence[O], ClockNs, Mapping[str, Reader]], Sequence[P]]


@cache
def driver_of(registered: str) -> Any:
    """Import `module:NAME`, one of the drivers above; raises MissingLibraryError if a library is not installed."""
    module, _, attribute = registered.partition(":")
    try:
        driver: Driver[Any, Any] | IndicatorDriver[Any] | AttachedDriver[Any, Any] = getattr(
            import_module(module), attribute
        )
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


def build_inputs(options: Sequence[InputOptions], clock_ns: ClockNs, readers: Sequence[Reader] = ()) -> list[Inputs]:
    """One `Inputs` per board, telling all its named inputs; each wants a thread of its own for `run`."""
    return _build(INPUTS, options, clock_ns, readers)


def build_outputs(options: Sequence[OutputOptions], clock_ns: ClockNs) -> list[Output]:
    """One output per section that is the guard's, none of them opened yet."""
    return _build(OUTPUTS, [section for section in options if section.guarded], clock_ns)


def build_timed_outputs(
    options: Sequence[OutputOptions], clock_ns: ClockNs, readers: Sequence[Reader]
) -> list[TimedOutput]:
    """One output per section that is not the guard's."""
    return _build(TIMED_OUTPUTS, [section for section in options if not section.guarded], clock_ns, readers)


def build_indicators(options: Sequence[IndicatorOptions], readers: Sequence[Reader]) -> list[Indicator]:
    """One indicator per section, none of them opened yet; each wants a thread of its own."""
    return _build(INDICATORS, options, {reader.name: reader for reader in readers})


def _build(
    family: Mapping[str, str], options: Sequence[DeviceOptions], given: Any, readers: Sequence[Reader] = ()
) -> list[Any]:
    """`given`: what the drivers of that family need beside their sections."""
    built: list[Any] = []
    for type_name in dict.fromkeys(section.type for section in options):
        options_model(family, type_name)
        driver = driver_of(family[type_name])
        attached = ({reader.name: reader for reader in readers},) if isinstance(driver, AttachedDriver) else ()
        built += driver.build([section for section in options if section.type == type_name], given, *attached)
    return built
