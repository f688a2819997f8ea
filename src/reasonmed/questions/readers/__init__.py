"""Readers of question files, one module a layout, found by name; ``reasonmed.questions`` says what a module has."""
