"""A run spread over a Ray cluster: parts of its questions as actors, merged to one run directory as they go."""
