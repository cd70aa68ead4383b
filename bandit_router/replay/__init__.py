"""Logged decisions out of the service and in from elsewhere, and what other policies would have made of them."""
