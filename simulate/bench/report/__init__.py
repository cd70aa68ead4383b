"""One self-contained page about a simulation: no script, no request, readable in light and in dark."""
