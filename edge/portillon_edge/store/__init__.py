"""What the gateway keeps on disk: who may pass (can be rebuilt) and what happened (cannot)."""
