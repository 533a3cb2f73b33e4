"""Decision trees grown level by level from histograms: one pass over the data for each level."""
