"""What gateways wrote down: stored once each, and read as badges, passages and counts."""
