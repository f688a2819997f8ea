"""Batch jobs: requests are held in the ledger, submitted together, and joined with their replies hours later."""
