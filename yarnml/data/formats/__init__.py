"""The formats of files of rows, a module each."""
