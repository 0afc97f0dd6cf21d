"""`headrace tail`: follow a topic."""

import base64
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.settings import Settings, load
from streams.cli.options import AsJson, Config, json_text, one_line, run

if TYPE_CHECKING:
    from streams.record import Record


def tail(
    topic: Annotated[str, typer.Argument(help="Any topic.")],
    from_beginning: Annotated[bool, typer.Option(help="Start with the oldest record.")] = False,
    limit: Annotated[int, typer.Option(min=0, help="Stop after so many records; 0: never.")] = 0,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Print records, a line each, until the limit or Ctrl-C."""
    settings = load(config)
    with suppress(KeyboardInterrupt):  # the usual way to end it
        run(_follow(settings, topic, from_beginning, limit, as_json))


async def _follow(
    settings: Settings, topic: str, from_beginning: bool, limit: int, as_json: bool
) -> None:
    from streams.browsing import follow

    seen = 0
    async with aclosing(follow(settings, topic, from_beginning=from_beginning)) as records:
        async for record in records:
            typer.echo(_json_line(record) if as_json else _line(record))
            seen += 1
            if seen == limit:
                break


def _line(record: "Record") -> str:
    key = record.key.decode("utf-8", "replace") if record.key else "-"
    value = record.value.decode("utf-8", "replace") if record.value is not None else "(tombstone)"
    return one_line(f"{record.partition}@{record.offset} {key} {value}")


def _json_line(record: "Record") -> str:
    import orjson

    from streams.envelope import written

    line: dict[str, object] = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": written(record.timestamp),
        "key": _text(record.key),
        "headers": {name: _text(value) for name, value in record.headers},
        "value": _value(record.value),
    }
    try:
        return json_text(orjson.dumps(line))
    except orjson.JSONEncodeError:  # nested deeper than can be written again
        return json_text(orjson.dumps(line | {"value": _text(record.value)}))


def _value(value: bytes | None) -> object:
    """Return JSON when it parses, else a text, else base64."""
    import orjson

    if value is None:
        return None
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return _text(value)


def _text(value: bytes | None) -> object:
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}
