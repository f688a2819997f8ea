"""``python -m reasonmed``."""

from reasonmed.cli import main

main()
