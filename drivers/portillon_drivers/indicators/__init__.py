"""What members see and hear at a door: lamps, buzzers, displays."""
