"""Programs that are written beside a model, and need nothing of yarnml."""
