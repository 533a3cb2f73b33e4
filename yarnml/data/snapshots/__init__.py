"""Tables whose files belong to versions: which of them are the rows, a log or a catalog knows."""
