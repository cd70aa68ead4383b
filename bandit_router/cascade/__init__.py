"""From the first action to the answer served: rules in `plan`, calls in `run`."""
