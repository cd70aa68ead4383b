"""Takes a log, targets and a question to an answer; what spreads, weighs and estimates is elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, Final

from bandit_router.errors import BadRequest
from bandit_router.evaluate.verdict import MIN_ESS, Finding, Verdict
from bandit_router.replay import taken as all_taken
from bandit_router.replay.answer import MODELS, Question, answer
from bandit_router.replay.course import Course
from bandit_router.replay.facts import Facts, Gathering
from bandit_router.replay.files import GROUP
from bandit_router.replay.learning import Learned, replay_learning
from bandit_router.replay.log import LogAt
from bandit_router.replay.record import Record
from bandit_router.replay.references import references
from bandit_router.replay.taken import Taken, learning_courses, of_courses
from bandit_router.replay.targets import Target
from bandit_router.replay.work import Options, processes, spread

Tick = Callable[[int], None]
MODEL_LIMIT: Final = 20_000
"""Longer logs are answered without a model unless one is asked for: models hold every decision in memory."""

HELD_LIMIT: Final = 100_000
"""Decisions at most for targets that learn from what they would have done themselves: some 1.3 GB."""
HOLDING: Final = ("rejection", "dr_ns")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a replay is carried out; `insist` asks for models however long the log is."""

    question: Question
    max_attempts: int | None = 8
    engine: str = "local"
    jobs: int = 1
    insist: bool = False
    references: bool = False
    """Whether to hold the targets against each model by itself and a fixed cascade too."""


def replay(log: LogAt, targets: Sequence[Target], plan: Plan, *, tick: Tick = lambda _: None) -> dict[str, Any]:
    """Return the answer, with the lines of `references` apart; raise `RouterError` for bad input."""
    _refuse_long(log, targets)
    names = [target.name for target in targets]
    fixed = references(log.records(), taken=names) if plan.references else []
    result = _replay(log, [*targets, *fixed], plan, tick=tick)
    lines = result["targets"]
    pairs = [pair for pair in result["differences"] if pair["policy"] in names]
    return {**result, "targets": lines[: len(targets)], "references": lines[len(targets) :], "differences": pairs}


def _replay(log: LogAt, targets: Sequence[Target], plan: Plan, *, tick: Tick) -> dict[str, Any]:
    wants_models = bool(MODELS.intersection(plan.question.estimators))
    keep = wants_models and (plan.insist or not log.longer_than(MODEL_LIMIT))
    still = [target for target in targets if target.learning == "version"]
    facts, own, found, records = _still(log, still, plan, keep=keep, tick=tick)
    by_name = dict(zip([target.name for target in still], found, strict=True))
    online: dict[str, Learned] = {}
    for target in targets:
        if target.learning != "version" and facts.n:
            came = _apart(log, target, plan, keep=keep)
            if isinstance(came, Learned):
                online[target.name] = came
                by_name[target.name] = came.taken
            else:
                by_name[target.name] = came
        elif target.name not in by_name:
            by_name[target.name] = _nothing()
    every = [by_name[target.name] for target in targets]
    result = answer(targets, facts, every, plan.question, itself=own, records=records)
    for line in result["targets"]:
        if line["policy"] in online:
            _tell(line, online[line["policy"]])
    if wants_models and not keep:
        result["log"]["without_models"] = True
    return result


def _still(
    log: LogAt, targets: Sequence[Target], plan: Plan, *, keep: bool, tick: Tick
) -> tuple[Facts, Taken | None, list[Taken], tuple[Record, ...]]:
    """Return what came of the logging policy itself and of the targets that do not change."""
    gathering = Gathering()
    own: list[tuple[Taken | None, int]] = []
    parts: list[tuple[Taken, ...]] = []
    records: list[Record] = []
    options = Options(max_attempts=plan.max_attempts, keep=keep)
    for done in spread(log.pieces(), targets, options, engine=plan.engine, jobs=plan.jobs):
        gathering.add(done.facts)
        own.append((done.itself, done.facts.n))
        parts.append(done.taken)
        records.extend(done.records)
        tick(done.facts.n)
    whole = gathering.facts()
    taken = [all_taken.joined([part[n] for part in parts]) if parts else _nothing() for n in range(len(targets))]
    return whole, all_taken.joined_or_none(own), taken, tuple(records)


def _apart(log: LogAt, target: Target, plan: Plan, *, keep: bool) -> Taken | Learned:
    """Replay a learning target in a process of its own."""
    with processes(1) as pool:
        return pool.submit(replay_apart, log, target, plan, keep).result()


def replay_apart(log: LogAt, target: Target, plan: Plan, keep: bool) -> Taken | Learned:
    """Replay a learning target over a log read anew."""
    records = log.records()
    if target.learning == "log":
        courses = (course for course, _ in learning_courses(target, records, max_attempts=plan.max_attempts))
        return _paged(courses, keep=keep)
    return replay_learning(target, list(records), max_attempts=plan.max_attempts, seed=plan.question.seed)


def _paged(courses: Iterator[Course], *, keep: bool) -> Taken:
    """Return courses as arrays; unless they are kept, only a page of them is there at a time."""
    parts = []
    while page := list(islice(courses, GROUP)):
        parts.append(of_courses(page, keep=keep))
    return all_taken.joined(parts) if parts else _nothing()


def _refuse_long(log: LogAt, targets: Sequence[Target]) -> None:
    """Raise `BadRequest` where a target would hold more decisions in memory than it may."""
    held = [target for target in targets if target.learning in HOLDING]
    if held and log.longer_than(HELD_LIMIT):
        raise BadRequest(
            f"--learning {held[0].learning} holds every decision in memory and takes {HELD_LIMIT:,} at most; "
            "ask for fewer with --since and --until, or for --learning log"
        )


def _nothing() -> Taken:
    return of_courses([], keep=False)


def _tell(line: dict[str, Any], learned: Learned) -> None:
    """Put what a target earned that learned from its own decisions in the place of what importance weights say."""
    if learned.reward.ess < MIN_ESS:
        few = Finding(
            code="few_effective_rows",
            fatal=True,
            message=f"only {learned.taken_over:,} decisions could be taken over; collect more, or explore more",
        )
        verdict = Verdict(findings=(few,))
        line |= {"answers": False, "findings": [asdict(one) for one in verdict.findings], "estimates": None}
        line |= dict.fromkeys(("reward", "quality", "cost_usd", "against_logging", "by_category", "over_time"))
    elif line["answers"]:
        reward = asdict(learned.reward)
        line |= {"estimates": {line["learned"]: reward}, "reward": reward, "late": asdict(learned.late)}
        line |= dict.fromkeys(("quality", "cost_usd", "against_logging", "by_category", "over_time"))
        line["taken_over"] = learned.taken_over
