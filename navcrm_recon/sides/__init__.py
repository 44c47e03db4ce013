"""Where the two systems live: one `Side` each, whatever it is made of."""
