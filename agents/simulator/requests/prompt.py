"""A request as one row of blocks: what is counted, cached and matched."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Literal

import orjson

from agents.simulator.requests import tokens
from agents.simulator.requests.blocks import (
    Block,
    CacheControl,
    DocumentBlock,
    ImageBlock,
    Message,
    RedactedThinkingBlock,
    TextBlock,
    ThinkingBlock,
    Tool,
)
from agents.simulator.requests.body import CountBody
from agents.simulator.requests.models import Model

Ttl = Literal["5m", "1h"]
Part = Literal["tools", "system", "messages"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """One block of the prompt, in the order tools, system, messages."""

    part: Part
    path: str
    """Where it stands in the request, for error messages."""
    role: str
    text: str
    """Its text, or its JSON when it is something else."""
    tokens: int
    mark: Ttl | None
    can_be_marked: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Prompt:
    """The whole prompt; `total_tokens` is what `count_tokens` answers."""

    pieces: tuple[Piece, ...]
    total_tokens: int

    def text(self) -> str:
        """Return all text, for fault matching."""
        return "\n".join(piece.text for piece in self.pieces)

    @property
    def user_texts(self) -> tuple[str, ...]:
        """The texts of the user turns, oldest first; blocks of other kinds are left out."""
        turns: list[list[str]] = []
        speaker = ""
        for piece in self.pieces:
            if piece.part == "messages" and piece.role == "user":
                if speaker != "user":
                    turns.append([])
                turns[-1].append(piece.text)
            speaker = piece.role
        return tuple("\n".join(texts) for texts in turns)

    @property
    def last_user_text(self) -> str:
        """The text of the last user turn."""
        return self.user_texts[-1] if self.user_texts else ""


def flatten(body: CountBody, model: Model) -> Prompt:
    """Lay a valid request out as one row of blocks and count it."""
    pieces = (*_tools(body, model), *_system(body, model), *_messages(body, model))
    total = sum(piece.tokens for piece in pieces)
    if body.output_schema is not None:
        total += tokens.FORMAT_TOKENS
    if body.tools:
        total += tokens.FORCED_TOOL_TOKENS if body.forced_tool else tokens.TOOLS_TOKENS
    return Prompt(pieces=pieces, total_tokens=total)


def digest(*parts: str) -> bytes:
    """Hash texts so that no two lists of texts give the same bytes."""
    state = blake2b(digest_size=16)
    for part in parts:
        raw = part.encode()
        state.update(len(raw).to_bytes(8, "big"))
        state.update(raw)
    return state.digest()


def _tools(body: CountBody, model: Model) -> Iterator[Piece]:
    for number, tool in enumerate(body.tools or ()):
        text = _as_json(tool)
        yield Piece(
            part="tools",
            path=f"tools.{number}",
            role="",
            text=text,
            tokens=tokens.count_text(text, model.tokenizer_factor),
            mark=_mark(tool.cache_control),
            can_be_marked=True,
        )


def _system(body: CountBody, model: Model) -> Iterator[Piece]:
    if isinstance(body.system, str):
        if body.system:
            yield _text_piece(body.system, model, part="system", path="system", role="system")
        return
    for number, block in enumerate(body.system or ()):
        yield _block_piece(block, model, part="system", path=f"system.{number}", role="system")


def _messages(body: CountBody, model: Model) -> Iterator[Piece]:
    for number, message in enumerate(body.messages):
        first, *rest = _turn(message, model, f"messages.{number}.content")
        yield replace(first, tokens=first.tokens + tokens.MESSAGE_TOKENS)
        yield from rest


def _turn(message: Message, model: Model, path: str) -> Iterator[Piece]:
    if isinstance(message.content, str):
        yield _text_piece(message.content, model, part="messages", path=path, role=message.role)
        return
    for place, block in enumerate(message.content):
        where = f"{path}.{place}"
        yield _block_piece(block, model, part="messages", path=where, role=message.role)


def _text_piece(text: str, model: Model, *, part: Part, path: str, role: str) -> Piece:
    return Piece(
        part=part,
        path=path,
        role=role,
        text=text,
        tokens=tokens.count_text(text, model.tokenizer_factor),
        mark=None,
        can_be_marked=bool(text),
    )


def _block_piece(block: Block, model: Model, *, part: Part, path: str, role: str) -> Piece:
    thinking = isinstance(block, ThinkingBlock | RedactedThinkingBlock)
    is_text = isinstance(block, TextBlock)
    text = block.text if isinstance(block, TextBlock) else _as_json(block)
    counted = tokens.count_text(text, model.tokenizer_factor)
    return Piece(
        part=part,
        path=path,
        role=role if is_text else f"{role}:{block.type}",
        text=text,
        tokens=tokens.IMAGE_TOKENS if _is_picture(block) else counted,
        mark=None if thinking else _mark(getattr(block, "cache_control", None)),
        can_be_marked=not thinking and bool(text),
    )


def _is_picture(block: Block) -> bool:
    """Images and scanned documents are counted by page, not by the length of their encoding."""
    if isinstance(block, DocumentBlock):
        return block.source.get("type") != "text"
    return isinstance(block, ImageBlock)


def _mark(control: CacheControl | None) -> Ttl | None:
    return None if control is None else control.ttl or "5m"


def _as_json(block: Block | Tool) -> str:
    plain = block.model_dump(exclude={"cache_control"}, exclude_none=True)
    return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS).decode()
