"""The rows: files and formats, columns and their preparation, shards, batches."""
