"""From TEXT arguments to ids and batches."""
