"""Is a score a shortcut? The model beside what looks at the surface only."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from xstilts.publish.board.evaluations import ENGLISH
from xstilts.publish.board.summary import zero_shot

CLEAR_MARGIN = 10.0  # points that a model must be ahead before its score counts as learnt
SETTINGS = ("english", "zero_shot")
Record = Mapping[str, Any]


def shortcut_rows(
    summary: Sequence[Record],
    shortcuts: Mapping[str, Record],
    recipe: str,
    seen: Collection[str],
) -> list[dict[str, Any]]:
    """One row per task, model and setting (English, zero-shot mean).

    The model is that of `recipe`; beside it stand the strongest shortcut of that setting and
    the control with an untrained body, each with the model's lead over it and whether that
    lead reaches `CLEAR_MARGIN`. Languages `seen` in training are in no zero-shot mean.
    """
    rows = []
    for record in summary:
        if record["control_of"] is None and record["recipe"] == recipe:
            control = next((r for r in summary if r["control_of"] == record["model"]), None)
            untrained = control["tasks"] if control else {}
            measured = {task: own for task, own in shortcuts.items() if task in record["tasks"]}
            for task, found in measured.items():
                identity = {"task": task, "model": record["model"], "recipe": recipe}
                own, other = record["tasks"][task], untrained.get(task, {})
                rows += [identity | row for row in _rows(own, found["baselines"], other, seen)]
    return rows


def _rows(
    own: Record,
    baselines: Mapping[str, Mapping[str, float]],
    untrained: Record,
    seen: Collection[str],
) -> Iterator[dict[str, Any]]:
    for setting in SETTINGS:
        value = own[setting]
        if value is not None:
            name, strongest = _strongest(baselines, setting, seen)
            control = untrained.get(setting)
            yield {
                "setting": setting,
                "value": value,
                "shortcut": name,
                "shortcut_value": strongest,
                **_lead("shortcut", value, strongest),
                "untrained_value": control,
                **_lead("untrained", value, control),
            }


def _strongest(
    baselines: Mapping[str, Mapping[str, float]], setting: str, seen: Collection[str]
) -> tuple[str, float]:
    """Name and score of the strongest shortcut in English or in the zero-shot mean."""
    values = {}
    for name, languages in baselines.items():
        value = languages.get(ENGLISH) if setting == "english" else zero_shot(languages, seen)
        if value is not None:
            values[name] = value
    return max(values.items(), key=lambda pair: pair[1])


def _lead(over: str, value: float, other: float | None) -> dict[str, Any]:
    lead = None if other is None else value - other
    return {
        f"lead_over_{over}": lead,
        f"clear_of_{over}": None if lead is None else lead >= CLEAR_MARGIN,
    }
