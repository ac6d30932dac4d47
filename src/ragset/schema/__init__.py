"""The nouns, their ids, the ports, and the shape of a step."""
