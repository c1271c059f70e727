"""Visit packs and quotas at the gateway that counts them: reserved at the grant, spent by the passage."""
