"""What is believed: one judge a file."""
