"""The 400s about thinking, effort and tools."""

from agents.simulator.requests.body import MessagesBody
from agents.simulator.requests.rules import Question, Rule

MIN_THINKING_BUDGET_TOKENS = 1_024
MAX_STRICT_TOOLS = 20


def thinking_type(question: Question) -> str | None:
    """Refuse values of `thinking.type` that the model does not take."""
    thinking, model = question.body.thinking, question.model
    if thinking is None or thinking.type in model.thinking:
        return None
    if thinking.type == "enabled":
        return (
            '"thinking.type.enabled" is not supported for this model. Use '
            '"thinking.type.adaptive" and "output_config.effort" to control thinking behavior.'
        )
    return f'"thinking.type.{thinking.type}" is not supported for this model.'


def thinking_budget(question: Question) -> str | None:
    """Ask for a budget below `max_tokens` with manual thinking, and for none otherwise."""
    thinking, body = question.body.thinking, question.body
    if thinking is None:
        return None
    budget_tokens = thinking.budget_tokens
    if thinking.type != "enabled":
        extra = budget_tokens is not None
        path = f"thinking.{thinking.type}.budget_tokens"
        return f"{path}: Extra inputs are not permitted" if extra else None
    if budget_tokens is None:
        return "thinking.enabled.budget_tokens: Field required"
    if budget_tokens < MIN_THINKING_BUDGET_TOKENS:
        return "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"
    if isinstance(body, MessagesBody) and 0 < body.max_tokens <= budget_tokens:
        return "`max_tokens` must be greater than `thinking.budget_tokens`"
    return None


def effort(question: Question) -> str | None:
    """Refuse effort on older models, and much effort without thinking on some."""
    asked, thinking = question.body.effort, question.body.thinking
    if asked is None:
        return None
    if question.model.default_effort is None:
        return "output_config.effort: This model does not support the effort parameter."
    off = thinking is not None and thinking.type == "disabled"
    if off and question.model.disabled_up_to_high and asked in {"xhigh", "max"}:
        return f'"thinking.type.disabled" is not supported with effort "{asked}" on this model.'
    return None


def tool_choice(question: Question) -> str | None:
    """Refuse a choice without tools, or of a tool that is not there."""
    choice, body = question.body.tool_choice, question.body
    if choice is None:
        return None
    if not body.tools:
        return "tool_choice: tool_choice may only be specified while providing tools"
    if choice.type == "tool" and choice.name not in {tool.name for tool in body.tools}:
        return f"tool_choice.tool.name: Tool '{choice.name}' not found in provided tools"
    return None


def forced_tool(question: Question) -> str | None:
    """Refuse to force a tool on the newest models and beside manual thinking."""
    choice, body = question.body.tool_choice, question.body
    if choice is None or not body.forced_tool:
        return None
    if not question.model.forced_tools:
        return f'tool_choice: "{choice.type}" is not supported for this model'
    if body.thinking is not None and body.thinking.type == "enabled":
        return "Thinking may not be enabled when tool_choice forces tool use."
    return None


def tool_names(question: Question) -> str | None:
    """Refuse two tools of one name."""
    names = [tool.name for tool in question.body.tools or ()]
    if len(set(names)) < len(names):
        return "tools: Tool names must be unique."
    return None


def strict_tools(question: Question) -> str | None:
    """Refuse more strict tools than a request has room for."""
    count = sum(bool(tool.strict) for tool in question.body.tools or ())
    if count > MAX_STRICT_TOOLS:
        return f"tools: at most {MAX_STRICT_TOOLS} strict tools are permitted. Found {count}."
    return None


RULES: tuple[Rule, ...] = (
    thinking_type,
    thinking_budget,
    effort,
    tool_choice,
    forced_tool,
    tool_names,
    strict_tools,
)
