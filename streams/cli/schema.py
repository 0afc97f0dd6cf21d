"""`headrace schema`: JSON Schema of the records, for producers in other languages."""

from typing import Annotated

import typer

from schemas.problem import Problem


class UnknownSchema(Problem):
    """There is no record of that name."""

    exit_status = 2


def schema(
    name: Annotated[str, typer.Argument(help="interaction, document, result, delta, alert")] = "",
) -> None:
    """Print the JSON Schema of one record, or of all."""
    import orjson

    from schemas.events import Document, Interaction
    from schemas.results import Alert, Delta, Result

    models = (Interaction, Document, Result, Delta, Alert)
    schemas = {model.__name__.lower(): model.model_json_schema() for model in models}
    if name and name.lower() not in schemas:
        raise UnknownSchema(f"no record {name!r}; there are {', '.join(schemas)}")
    shown = schemas[name.lower()] if name else schemas
    typer.echo(orjson.dumps(shown, option=orjson.OPT_INDENT_2).decode())
