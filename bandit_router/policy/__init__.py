"""Policies: from a state and its actions to an exact pmf; they neither draw by themselves nor call models."""
