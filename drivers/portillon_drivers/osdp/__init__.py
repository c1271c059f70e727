"""OSDP v2.2 (IEC 60839-11-5): our own control panel. Pure but for the line."""
