"""Experiments: which arm a request belongs to, and what the arms' logs say of each other; nothing here does I/O."""
