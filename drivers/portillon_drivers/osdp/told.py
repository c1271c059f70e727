"""What a reader's reply means to whoever listens. Pure."""

from portillon_drivers.osdp.panel_events import (
    CardRead,
    FormattedCardRead,
    KeysPressed,
    PanelEvent,
    StatusChanged,
    VendorReply,
)
from portillon_drivers.osdp.replies import (
    FormattedCard,
    InputStatus,
    KeypadData,
    LocalStatus,
    OutputStatus,
    RawCard,
    RawFormat,
    ReaderStatus,
    Reply,
    VendorData,
)


def told(address: int, reply: Reply) -> PanelEvent | None:
    """The event in a reply; None: it is an answer and no news."""
    match reply:
        case RawCard():
            return CardRead(address, reply.bits, reply.format == RawFormat.WIEGAND)
        case FormattedCard():
            return FormattedCardRead(address, reply.text[::-1] if reply.backwards else reply.text)
        case KeypadData():
            return KeysPressed(address, reply.keys)
        case LocalStatus():
            return StatusChanged(address, tamper=reply.tamper, power_failure=reply.power_failure)
        case InputStatus():
            return StatusChanged(address, inputs=reply.states)
        case OutputStatus():
            return StatusChanged(address, outputs=reply.states)
        case ReaderStatus():
            return StatusChanged(address, readers=reply.states)
        case VendorData():
            return VendorReply(address, reply.vendor, reply.payload)
        case _:
            return None
