"""Logs of other systems as records; each format has a file of its own."""
