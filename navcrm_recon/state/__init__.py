"""What happened: couplings, option mappings and baselines, in one database."""
