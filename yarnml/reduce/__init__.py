"""How vectors and messages travel: `base` says what an exchange is, the others are ways to do it."""
