"""How fast the method runs on this machine, beside the published procedure over the same weights."""
