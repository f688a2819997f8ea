"""Data sets compared by one judge: equal samples, scored by the prompt of ``score`` in mixed order, under hashes."""
