"""How the two sides compare: pure functions, frames in, frames out."""
