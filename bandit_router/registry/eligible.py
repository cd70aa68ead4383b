"""Which models can take a request, at what expected price; the choice among them is the policy's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bandit_router.errors import NoEligibleModel
from bandit_router.types import Action, ChatRequest, Hints, Model

CHARACTERS_PER_TOKEN = 4
IMAGE_TOKENS = 1_000
FUSED_ANSWERS = 2
"""A fusion is priced as reading so many answers, each as long as its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a request asks of a model: tokens of prompt and of answer, and abilities."""

    input_tokens: int
    max_output_tokens: int | None
    tools: bool
    vision: bool
    json_schema: bool


def needs_of(request: ChatRequest) -> Needs:
    """Return what a request needs; tokens are estimated at four characters each, as no tokenizer fits every model."""
    characters, images = 0, 0
    for message in request.messages:
        content = message.get("content")
        for part in content if isinstance(content, list) else [{"text": content}]:
            if isinstance(part, dict) and isinstance(part.get("text"), str):
                characters += len(part["text"])
            images += isinstance(part, dict) and part.get("type") == "image_url"
    asked = request.params.get("max_completion_tokens") or request.params.get("max_tokens")
    response_format = request.params.get("response_format")
    return Needs(
        input_tokens=characters // CHARACTERS_PER_TOKEN + images * IMAGE_TOKENS + 1,
        max_output_tokens=asked if isinstance(asked, int) else None,
        tools=bool(request.params.get("tools")),
        vision=images > 0,
        json_schema=isinstance(response_format, dict) and response_format.get("type") == "json_schema",
    )


def expected_cost(model: Model, needs: Needs) -> float:
    """Return what a call should cost in USD: the prompt's tokens, and the model's usual length of answer."""
    output = min(model.expected_output_tokens, needs.max_output_tokens or model.expected_output_tokens)
    read = needs.input_tokens + (FUSED_ANSWERS * output if model.fuses else 0)
    return read * model.input_usd_per_token + output * model.output_usd_per_token


def objection(model: Model, needs: Needs, hints: Hints) -> str | None:
    """Return why a model cannot take a request, or None when it can."""
    total = needs.input_tokens + (needs.max_output_tokens or 0)
    reasons = (
        (hints.allow is not None and model.name not in hints.allow, "not in the request's allow list"),
        (model.name in hints.deny, "in the request's deny list"),
        (hints.region is not None and model.region != hints.region, f"not in region {hints.region}"),
        (needs.tools and not model.tools, "takes no tools"),
        (needs.vision and not model.vision, "takes no images"),
        (needs.json_schema and not model.json_schema, "takes no JSON schema"),
        (
            model.context_window is not None and total > model.context_window,
            f"its context window of {model.context_window} tokens is under the {total} needed",
        ),
    )
    return next((reason for applies, reason in reasons if applies), None)


def eligible(
    models: Sequence[Model], request: ChatRequest, hints: Hints, *, judge_cost_usd: float
) -> tuple[Action, ...]:
    """Return one action for each model that can take the request, each with its expected price, judges included.

    Raise `NoEligibleModel` with every model's reason when there is none.
    """
    needs = needs_of(request)
    actions, reasons = [], []
    for model in models:
        cost = expected_cost(model, needs) + judge_cost_usd
        reason = objection(model, needs, hints)
        if reason is None and hints.max_cost_usd is not None and cost > hints.max_cost_usd:
            reason = f"expected to cost ${cost:.3g}, over the request's ${hints.max_cost_usd:.3g}"
        if reason is None:
            actions.append(_action(model, cost))
        else:
            reasons.append(f"{model.name}: {reason}")
    if all(action.fuses for action in actions):
        reasons += [f"{action.model}: fuses the answers of others" for action in actions]
        raise NoEligibleModel(f"no model can take this request ({'; '.join(reasons)})")
    return tuple(actions)


def _action(model: Model, cost_usd: float) -> Action:
    """Return the action of calling a model, with what is known of that model."""
    return Action(
        model=model.name,
        tier=model.tier,
        cost_usd=cost_usd,
        fuses=model.fuses,
        family=model.family,
        line=model.line,
        size_b=model.size_b,
        benchmarks=model.benchmarks,
    )
