"""Three-dimensional structures of single molecules: made, laid onto beads, minimised, heated."""
