"""Visit packs and quotas: what members were sold, which gateway counts it, and what its journal says was spent."""
