"""Everything about calling Claude; the pipeline sees the gateway only."""
