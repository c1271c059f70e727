"""Wiegand: from edges on two wires to bits, and from bits to cards and keys."""
