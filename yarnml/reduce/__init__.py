"""The data plane: all-reduce of vectors along a fixed tree, to the same bits."""
