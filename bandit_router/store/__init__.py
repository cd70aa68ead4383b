"""Keeps decisions, events, versions, leases and keys in SQLite or PostgreSQL; it decides and learns nothing."""
