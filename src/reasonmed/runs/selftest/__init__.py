"""The self-test: a user's own recipe against a server that throttles, breaks and lies, with kills at random moments."""
