"""The texts of the built-in tasks."""

from importlib.resources import files


def instructions(name: str) -> str:
    """Return the instructions of a built-in task, from `texts/<name>.md`."""
    return files("agents.prompts").joinpath("texts", f"{name}.md").read_text("utf-8").strip()
