"""One self-contained page about a replay: no script, no request, readable in light and in dark."""
