"""Stand-in that says pandas is not installed, for the processes of jobs in tests.

pyarrow imports pandas, where it finds one, as soon as it makes an array of numbers: a third of a second a process.
yarnml does not need it, and the tests of data frames run in the tests' own process.
"""

raise ModuleNotFoundError("No module named 'pandas'", name="pandas")
