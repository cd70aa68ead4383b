"""Simulated models, worlds and demonstrations: everything that stands in for real traffic."""
