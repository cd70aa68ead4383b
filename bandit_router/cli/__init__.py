"""The command line: one file a command; what a command does lives elsewhere."""
