"""`headrace simulator`: the Claude API simulator as a process of its own."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Annotated

import typer

from agents.simulator import Fault, Limits, Simulator, SimulatorSettings
from schemas.problem import Problem
from streams.cli.options import run

EXAMPLE_KEY = "sk-ant-simulated"


def parse_fault(text: str) -> Fault:
    """Read `kind=refusal,rate=0.1`, or the same as a JSON object."""
    from pydantic import TypeAdapter, ValidationError

    adapter = TypeAdapter(Fault)
    try:
        if text.lstrip().startswith("{"):
            return adapter.validate_json(text)
        pairs = dict(pair.split("=", 1) for pair in text.split(","))
        return adapter.validate_strings(pairs)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise typer.BadParameter(f"{text}: {where}: {first['msg']}") from error
    except ValueError as error:
        raise typer.BadParameter(f"{text}: write kind=...,rate=... or a JSON object") from error


def simulator(
    *,
    host: Annotated[str, typer.Option(help="Address to bind; no key is asked for.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free port.")] = 8322,
    seed: Annotated[int, typer.Option(help="The same seed gives the same latencies.")] = 1,
    rpm: Annotated[int, typer.Option(min=1, help="Requests per minute and model class.")] = 4_000,
    itpm: Annotated[int, typer.Option(min=1, help="Uncached input tokens a minute.")] = 4_000_000,
    otpm: Annotated[int, typer.Option(min=1, help="Output tokens a minute.")] = 800_000,
    burst_s: Annotated[float, typer.Option(min=0.1, help="A bucket holds rate x burst.")] = 60.0,
    ttft_ms: Annotated[float, typer.Option(min=0, help="Time to the first token.")] = 350.0,
    tokens_per_s: Annotated[float, typer.Option(min=0.1, help="Speed of one reply.")] = 80.0,
    tail: Annotated[float, typer.Option(min=0, max=1, help="Share of very slow replies.")] = 0.05,
    time_scale: Annotated[float, typer.Option(min=0, help="0: no waiting at all.")] = 1.0,
    key: Annotated[str, typer.Option(help="The only key that is let in; empty: any key.")] = "",
    fault: Annotated[
        list[str] | None,
        typer.Option(help="A fault, as kind=...,rate=... or as JSON; may be repeated."),
    ] = None,
    ledger: Annotated[
        Path | None,
        typer.Option(help="Where every request is written as JSON Lines at the end."),
    ] = None,
) -> None:
    """Serve a Claude API that keeps the real one's rules, until Ctrl-C.

    Steer it over HTTP: /_simulator/faults, /_simulator/limits, /_simulator/ledger,
    /_simulator/totals.
    """
    settings = SimulatorSettings(
        seed=seed,
        host=host,
        port=port,
        limits=Limits(
            requests_per_minute=rpm,
            input_tokens_per_minute=itpm,
            output_tokens_per_minute=otpm,
            burst_s=burst_s,
        ),
        time_to_first_token_s=ttft_ms / 1_000,
        tokens_per_s=tokens_per_s,
        tail=tail,
        time_scale=time_scale,
        key=key,
        faults=tuple(parse_fault(text) for text in fault or ()),
    )
    run(_serve(settings, ledger))


async def _serve(settings: SimulatorSettings, ledger: Path | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    server = Simulator(settings)
    try:
        await server.start()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise Problem(f"cannot listen on {settings.host}:{settings.port}: {reason}") from error
    try:
        key = settings.key or EXAMPLE_KEY
        typer.echo(f"{server.url}  ANTHROPIC_BASE_URL={server.url} ANTHROPIC_API_KEY={key}")
        await stop.wait()
    finally:
        await server.stop()
    if ledger is not None:
        _write(server, ledger)


def _write(server: Simulator, ledger: Path) -> None:
    import orjson

    lines = (orjson.dumps(entry) + b"\n" for entry in server.ledger.entries)
    try:
        ledger.write_bytes(b"".join(lines))
    except OSError as error:
        raise Problem(f"cannot write the ledger to {ledger}: {error.strerror}") from error
