"""What is read from the wire and what is written to it."""
