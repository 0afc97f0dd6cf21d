"""`headrace`: the console script."""

import logging
import os
import signal
import sys

import typer

from schemas.problem import Problem
from streams import logbook
from streams.cli import (
    audit,
    breaker,
    budget,
    config,
    demo,
    dlq,
    kafka,
    publish,
    schema,
    simulator,
    tail,
    topics,
    tryout,
    worker,
)
from streams.cli.options import printable

INTERRUPTED = 130

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A Kafka stream processor that runs Claude under one shared rate budget.",
)
app.command()(demo.demo)
app.command()(worker.worker)
app.add_typer(topics.app, name="topics")
app.command()(publish.publish)
app.command()(tail.tail)
app.command("try")(tryout.tryout)
app.add_typer(dlq.app, name="dlq")
app.command()(audit.audit)
app.command()(budget.budget)
app.add_typer(breaker.app, name="breaker")
app.add_typer(kafka.app, name="kafka")
app.command()(simulator.simulator)
app.add_typer(config.app, name="config")
app.command()(schema.schema)


def main() -> None:
    """Run the command; what a person has to put right is told in plain lines."""
    # Whoever asks us to end politely gets the same tidy end as Ctrl-C, which a shell that starts us
    # in the background has told us to ignore.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    logbook.listen(logging.CRITICAL)
    try:
        app()
    except Problem as problem:
        for line in str(problem).splitlines():
            typer.echo(printable(f"headrace: {line}"), err=True)
        sys.exit(problem.exit_status)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Somebody piped us into `head`; writing the rest at exit would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
