"""The fleet's models: what they answer, and whose answer a text is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulate.fleet.models import Answers
from simulate.fleet.protocol import Chat
from simulate.outcomes import Arm, Row, Table


def chat(prompt: str, model: str = "tiny") -> Chat:
    return Chat(model=model, prompt=prompt, text=prompt, stream=False, include_usage=False, seed=None)


def say(answers: Answers, prompt: str, model: str = "tiny") -> str:
    return answers.reply(chat(prompt, model), speaker=model).text


def recorded(*rows: tuple[str, str, float]) -> Table:
    """Prompts with the answer and score of one model, `tiny`."""
    made = (
        Row(id=prompt, category="c", prompt=prompt, arms={"tiny": Arm(score=score, cost_usd=1e-5, answer=answer)})
        for prompt, answer, score in rows
    )
    return Table(rows=tuple(made), models=("tiny",))


def test_a_recorded_answer_is_given_word_for_word() -> None:
    assert say(Answers(recorded(("why?", "Because.", 1.0))), "why?") == "Because."


def test_synthetic_answers_are_unique_to_prompt_and_model(table: Table) -> None:
    answers = Answers(table)
    texts = {say(answers, row.prompt, model) for row in table.rows for model in table.models}
    assert len(texts) == len(table.rows) * len(table.models)


def test_a_synthetic_answer_does_not_depend_on_its_score(table: Table) -> None:
    first = table.rows[0]
    better = replace(table, rows=(replace(first, arms={**first.arms, "tiny": Arm(score=0.77, cost_usd=1e-5)}),))
    assert say(Answers(better), first.prompt) == say(Answers(table), first.prompt)


@pytest.mark.parametrize("word", ["sorry", "cannot", "can't", "unable", "```", "as an ai"])
def test_a_synthetic_answer_holds_nothing_a_rule_check_looks_for(table: Table, word: str) -> None:
    answers = Answers(table)
    assert not any(word in say(answers, row.prompt).lower() for row in table.rows)


def test_every_answer_is_recognised_with_its_true_score(table: Table) -> None:
    answers = Answers(table)
    for row in table.rows:
        for model, arm in row.arms.items():
            source = answers.source(row.prompt, say(answers, row.prompt, model))
            assert source is not None
            assert (source.prompt, source.model, source.score) == (row.prompt, model, arm.score)


def test_an_answer_shared_by_two_prompts_is_told_apart_by_the_question() -> None:
    answers = Answers(recorded(("is it?", "Yes", 0.2), ("was it?", "Yes", 0.9)))
    source = answers.source("user: was it?", "Yes")
    assert source is not None
    assert source.score == 0.9


def test_a_very_long_answer_is_recognised_without_its_middle() -> None:
    long = "begin " + "x" * 120_000 + " end"
    source = Answers(recorded(("why?", long, 0.3))).source("why?", f"{long[:50_000]} ... {long[-50_000:]}")
    assert source is not None
    assert source.score == 0.3


def test_a_text_the_fleet_never_gave_has_no_source(table: Table) -> None:
    assert Answers(table).source("why?", "something else") is None


def test_an_unknown_prompt_gets_one_and_the_same_answer(table: Table) -> None:
    assert say(Answers(table), "Never seen") == say(Answers(table), "Never seen")


def test_the_answer_to_an_unknown_prompt_is_worth_the_models_mean(table: Table) -> None:
    answers = Answers(table)
    source = answers.source("Never seen", say(answers, "Never seen"))
    assert source is not None
    assert source.score == table.mean_score("tiny")


def test_a_degraded_model_speaks_with_the_others_words_at_its_own_usage(table: Table) -> None:
    answers, prompt = Answers(table), table.rows[2].prompt
    own, other = (answers.reply(chat(prompt, "huge"), speaker=speaker) for speaker in ("huge", "tiny"))
    assert other.text == say(answers, prompt, "tiny")
    assert (other.input_tokens, other.output_tokens) == (own.input_tokens, own.output_tokens)
