"""The places where a job's processes run: this process, this machine, or YARN."""
