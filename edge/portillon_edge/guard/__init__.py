"""The guard: a tiny process that owns the outputs and ends every release, whatever becomes of the gateway.

It is the only code that drives an output. It writes the locked state to every output before it does anything else,
bounds each release by its on-time and by the output's `max_on_ms`, and locks everything when its one client goes.
"""
