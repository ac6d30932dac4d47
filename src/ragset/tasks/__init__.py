"""What is made of a scenario."""
