"""Where a job's processes run: `base` says what a cluster is, every other module is one."""
