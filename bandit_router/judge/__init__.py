"""Judges grade an answer and a panel makes one quality of their verdicts; what follows from it is decided elsewhere."""
