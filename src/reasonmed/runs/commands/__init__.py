"""What the commands that ask models do: ``run``, each stage alone, ``judge-card``."""
