"""`python -m streams` is the same as `headrace`."""

from streams.cli.main import main

main()
