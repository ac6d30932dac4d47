"""What leaves: one format a file."""
