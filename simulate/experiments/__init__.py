"""How far the analysis of experiments can be trusted, in worlds whose truth is known; it analyses nothing itself."""
