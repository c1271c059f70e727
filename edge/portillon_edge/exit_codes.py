"""Exit statuses of `portillon-edge`; the numbers above 64 are those of sysexits.h, which systemd's units name."""

OK = 0
NOT_SO = 1
"""`check` found something that does not work, `explain` a refusal, `status` no running gateway."""
USAGE = 2
"""The command line could not be understood."""
BROKEN = 70
"""A part of the gateway could not go on; starting again may help."""
RUNNING_ALREADY = 75
"""Another gateway or guard runs here."""
CONFIG = 78
"""The configuration is wrong; starting again cannot help."""
