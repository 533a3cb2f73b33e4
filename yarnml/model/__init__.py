"""The trained model: exported, loaded, predicting."""
