"""The same work by other hands: what a good engineer would write with each library, as programs of their own."""
