"""Where members were seen, between the gateways of a site; and how many people are in its zones now."""
