"""Scores that need no understanding: what a model must beat before it is believed.

Every baseline is fitted on the English training rows, like the model, and applied to
every language through what languages share: strings, counts, positions. All are
deterministic and take seconds.

Imported only where baselines are computed: it loads scikit-learn.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from xstilts.errors import UserError
from xstilts.evaluation import (
    shortcuts_choice,
    shortcuts_no_answer,
    shortcuts_pair,
    shortcuts_parsing,
    shortcuts_regression,
    shortcuts_retrieval,
    shortcuts_span,
    shortcuts_tagging,
)
from xstilts.evaluation.score import score
from xstilts.tasks.mentions import Entities
from xstilts.tasks.pool import Pool, depth, with_targets
from xstilts.tasks.record import Task

Rows = Sequence[dict[str, Any]]
Predictor = Callable[[Rows], list[Any]]

_FITTED: dict[str, Callable[[Task, Rows], dict[str, Predictor]]] = {
    "classification": shortcuts_pair.fit,
    "regression": shortcuts_regression.fit,
    "tagging": shortcuts_tagging.fit,
    "parsing": shortcuts_parsing.fit,
    "span_qa": shortcuts_span.fit,
    "multiple_choice": shortcuts_choice.fit,
}


def shortcuts(
    task: Task,
    train_rows: Rows,
    test_rows: Mapping[str, Rows],
    dev_rows: Mapping[str, Rows] | None = None,
    entities: Entities | None = None,
) -> dict[str, dict[str, float]]:
    """Baseline name -> language -> official score (0..100) of `task`.

    `train_rows` are the canonical English training rows (of the task's train source, with
    the labels of `task`); retrieval and mining need none. Mining needs `dev_rows` per
    language, where its threshold is chosen, entity linking the `entities` to choose from.
    Raises `UserError` for a format without baselines and for missing rows.
    """
    if task.format == "retrieval":
        return _by_baseline(
            task, test_rows, lambda _, rows: shortcuts_retrieval.retrieval_predictions(rows)
        )
    if task.format == "mining":
        return _mining(task, test_rows, dev_rows or {})
    if task.format == "dual_encoder":
        return _answers(task, test_rows)
    if entities is not None:
        rankings = shortcuts_retrieval.entity_rankings(entities, train_rows, depth(task))
        return _by_baseline(task, test_rows, lambda _, rows: rankings(rows))
    if task.format not in _FITTED:
        known = ", ".join([*_FITTED, "retrieval", "mining", "dual_encoder", "entity_linking"])
        raise UserError(
            f"There are no shortcut baselines for the format '{task.format}' of task "
            f"'{task.name}'; choose one of {known}."
        )
    if not train_rows:
        raise UserError(f"The shortcut baselines of '{task.name}' need English training rows.")
    fit = shortcuts_no_answer.fit if task.may_lack_answers else _FITTED[task.format]
    predictors = fit(task, train_rows)
    return _by_baseline(
        task,
        test_rows,
        lambda _, rows: {name: predict(rows) for name, predict in predictors.items()},
    )


def _answers(task: Task, test_rows: Mapping[str, Rows]) -> dict[str, dict[str, float]]:
    """All languages in one pool of candidates, as for a model."""
    pool = Pool.of(test_rows)
    targeted = {lang: with_targets(rows, pool) for lang, rows in test_rows.items()}
    ranking = shortcuts_retrieval.answer_rankings(pool, depth(task))
    return _by_baseline(task, targeted, lambda _, rows: ranking(rows))


def _mining(
    task: Task, test_rows: Mapping[str, Rows], dev_rows: Mapping[str, Rows]
) -> dict[str, dict[str, float]]:
    missing = [lang for lang in test_rows if lang not in dev_rows]
    if missing:
        raise UserError(
            f"The shortcut baselines of '{task.name}' choose their threshold on the dev "
            f"split, which is missing for {', '.join(missing)}."
        )
    return _by_baseline(
        task,
        test_rows,
        lambda lang, rows: shortcuts_retrieval.mining_predictions(dev_rows[lang], rows),
    )


def _by_baseline(
    task: Task, test_rows: Mapping[str, Rows], predict: Callable[[str, Rows], dict[str, list[Any]]]
) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for lang, rows in test_rows.items():
        for name, predictions in predict(lang, rows).items():
            found.setdefault(name, {})[lang] = score(task, lang, predictions, rows).value
    return found
