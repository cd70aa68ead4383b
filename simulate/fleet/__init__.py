"""The simulated fleet: models that answer from an outcome table, and their judge, over real HTTP."""
