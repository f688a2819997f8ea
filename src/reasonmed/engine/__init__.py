"""Durable, paced requests: the ledger, the journal that replays from it, and flow control. Knows no medicine."""
