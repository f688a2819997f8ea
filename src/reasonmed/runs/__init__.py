"""A run on disk: its directory, rows in, bounded work, files out, and what is done with a run afterwards."""
