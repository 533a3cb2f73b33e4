"""Rows: where they are (`base`), what they mean (`schema`), who reads which (`shards`), and reading them (`feed`)."""
