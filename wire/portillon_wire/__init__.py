"""What the gateway and the cloud say to each other."""
