"""The tables that a data set is published with, from a run's ledger: read once, in memory that does not grow with it.

One module a group of tables; ``reading`` is the one pass over the ledger, ``rendering`` writes them.
"""
