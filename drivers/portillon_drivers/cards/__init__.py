"""Cards that prove themselves: keys, dialogues and emulated cards. Pure: APDUs in, APDUs out."""
