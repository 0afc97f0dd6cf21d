"""What is counted: limits, cache, and the ledger of what was paid."""
