"""Where draws come from, and the way of a file into the index."""
