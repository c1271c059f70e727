"""Wiegand readers: two wires whose falling edges the kernel dates and numbers; bits, cards and keys are made of those.

edges.py          what an edge is, and the port that GPIO chips fill (gpiod_lines.py, simulated_lines.py)
timing.py         the numbers of the wires, with their sources
frames.py         edges → frames: gaps, dropped edges, noise
judgement.py      a frame → a card, a key, or the reason why it is neither (swap_watch.py: D0 and D1 exchanged)
line_watch.py     lines that stay low, and the tamper contact
reader.py         the shell that keeps the lines open
wiegand_simulator.py  a reader at a simulated GPIO chip (simulated_chip.py, chip_server.py)
"""
