"""What happened: couplings, option mappings, jobs, errors and the journal, in one database."""
