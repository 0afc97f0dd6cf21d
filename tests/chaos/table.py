"""The rows as one table of text."""

from collections.abc import Iterable

from tests.chaos.row import Row

COLUMNS = (
    ("fault", 26),
    ("inputs", 7),
    ("results", 8),
    ("letters", 8),
    ("lost", 5),
    ("double", 7),
    ("repeats", 8),
    ("paid extra", 11),
    ("429", 5),
    ("recovery s", 11),
    ("took s", 7),
)


def heading() -> str:
    """Return the names of the columns and what stands below them."""
    names = [
        f"{name:<{width}}" if n == 0 else f"{name:>{width}}" for n, (name, width) in _numbered()
    ]
    return "".join(names) + "  verdict"


def line(row: Row) -> str:
    """Return one row. `paid extra`: without cause + lost in the air with a worker."""
    bought = row.purchases
    cells = (
        row.fault,
        row.inputs,
        row.results,
        sum(row.letters.values()),
        row.lost,
        row.double,
        row.repeats,
        f"{bought.unexplained}+{bought.again + bought.abandoned}",
        row.answered_429,
        f"{row.recovered_s:.1f}",
        f"{row.took_s:.0f}",
    )
    shown = [
        f"{cell:<{width}}" if n == 0 else f"{cell:>{width}}"
        for (n, (_, width)), cell in zip(_numbered(), cells, strict=True)
    ]
    return "".join(shown) + f"  {row.verdict}"


def summary(rows: Iterable[Row]) -> str:
    """Return the last line."""
    found = list(rows)
    broken = [row.fault for row in found if row.breaks]
    inputs, lost = sum(row.inputs for row in found), sum(row.lost for row in found)
    told = (
        f"{len(found)} faults, {inputs} inputs, {lost} lost, {sum(r.double for r in found)} double"
    )
    return f"{told}; broken: {', '.join(broken)}" if broken else f"{told}; every promise held"


def _numbered() -> list[tuple[int, tuple[str, int]]]:
    return list(enumerate(COLUMNS))
