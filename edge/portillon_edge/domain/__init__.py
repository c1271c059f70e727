"""What the gateway is about, without I/O: the events it writes down and the time it goes by."""
