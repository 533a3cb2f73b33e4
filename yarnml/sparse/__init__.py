"""Parameters by key: tables of rows, the sums that belong to them, and the rules by which rows are updated."""
