"""13.56 MHz cards through a PN532: its driver, what lies in its field, and the whole chip simulated on a pty."""
