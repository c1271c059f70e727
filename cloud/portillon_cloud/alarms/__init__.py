"""Alarms: derived from the journals, each once, whenever these come; acknowledged by people."""
