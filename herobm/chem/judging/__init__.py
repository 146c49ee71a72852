"""What is right and wrong with a structure, and how to show it."""
