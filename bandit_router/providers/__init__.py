"""Providers: they call models and price what was used; which model to call is decided elsewhere."""
