"""The console script: one thin file a command."""
