"""The command line: one of the doors to the service. What it needs is imported by the command that needs it."""
