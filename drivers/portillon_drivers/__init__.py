"""Readers, outputs, inputs and their simulators."""
