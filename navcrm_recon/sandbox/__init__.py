"""A place to try: the demo company, written from a seed, with known discrepancies."""
