"""The clusters that a job's processes can run on: one process, this machine, YARN.  Each opens a crew."""
