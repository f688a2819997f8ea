"""The audit: steps of the models' answers before a judge that is not told whose they are, and what that comes to."""
