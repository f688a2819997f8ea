"""One question: from its chains of thought to its records."""
