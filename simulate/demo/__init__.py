"""The demonstration: a real service, the simulated fleet, real prompts, over real HTTP."""
