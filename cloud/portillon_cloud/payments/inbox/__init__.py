"""What a provider tells us: stored first, acted on once, in any order, because what it is about is asked for anew."""
