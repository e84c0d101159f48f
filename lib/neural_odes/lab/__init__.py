"""The laboratory's old place, for scripts that the playground gave away."""
