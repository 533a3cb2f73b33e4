"""The job file's JSON schema and, for YARN, the Skein application's template; ships inside the wheel."""
