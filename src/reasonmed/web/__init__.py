"""The viewer: pages over runs, evaluations and exports, on this machine alone (extra ``web``).

``sources/`` reads a kind of folder, ``index/`` searches, ``views/`` says what a page shows, ``pages/`` has one file an
address, ``guard`` decides who may look. Nothing here writes to a ledger.
"""
