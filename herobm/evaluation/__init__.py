"""How well structures come back from their beads."""
