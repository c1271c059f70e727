"""`portillon-edge simulate` with a door whose lock and contact are terminals of its OSDP reader."""

from pathlib import Path

from edge.technician.test_simulate import played, told_after

GLASS_DOOR = Path("config/examples/osdp-glass-door.toml")


def test_a_door_whose_lock_and_contact_are_in_its_reader() -> None:
    """The true gateway releases the reader's relay, hears its contact, and knows a cut exit button from a press."""
    output = played(
        GLASS_DOOR,
        "present glass-reader",
        "push glass-door",
        "spoil glass-exit cut",
        "contact glass-exit open",
        "contact glass-exit closed",
    )
    assert "glass-door  granted" in told_after(output, "present glass-reader")
    assert "glass-door  passage" in told_after(output, "push glass-door")
    assert "input_fault  glass-exit: cut" in told_after(output, "spoil glass-exit cut")
    assert "input_restored" in told_after(output, "contact glass-exit open")
    assert "exit_request" in told_after(output, "contact glass-exit closed")
