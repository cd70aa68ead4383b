"""The bench: policies replay recorded outcomes through the product's own code, without HTTP, and are compared."""
