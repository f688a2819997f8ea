"""Export formats, one module each, found by name; ``reasonmed.export`` says what a module has."""
