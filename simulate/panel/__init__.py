"""What a calibrated panel is worth: on recorded verdicts, with judges of a known kind, through the service."""
