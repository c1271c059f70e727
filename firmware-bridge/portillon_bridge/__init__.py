"""The host's side of a microcontroller turnstile board; a seam for now, see `firmware-bridge/README.md`.

A bridged board speaks OSDP on one secured bus and is its own guard. Its readers, outputs and inputs will fill the ports
of `portillon_drivers.ports` and be opened by name through `portillon_drivers.registry`, like any other device; nothing
above the drivers will know the difference.
"""
