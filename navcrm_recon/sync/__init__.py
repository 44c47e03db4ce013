"""What a mapping's two sides look like now, gathered for comparing."""
