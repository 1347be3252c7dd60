"""The model card: README.md with metadata that the Hugging Face hub understands."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from xstilts.publish.board.evaluations import ENGLISH
from xstilts.publish.board.total import is_own, mean_name
from xstilts.publish.files.card_metadata import metadata
from xstilts.publish.files.licences import Part, backbone, parts
from xstilts.publish.files.markdown import NOTHING, table
from xstilts.publish.files.submission import ARCHIVE, SUBMISSION
from xstilts.publish.words.answer import sentences
from xstilts.publish.words.wording import listed, points, signed, span
from xstilts.tasks.languages import LANGUAGES

Board = Mapping[str, Any]
Record = Mapping[str, Any]


def model_card(board: Board) -> str:
    """The card of the study's best run; of the study alone where no run has an average."""
    best = board["best"]
    used = [backbone(best["model"]), *parts(board, best["recipe"])] if best else []
    record = best_record(board)
    head = yaml.safe_dump(metadata(board, record, used), allow_unicode=True, sort_keys=False)
    sections = _run(board, record, used) if record else _no_run(board)
    return f"---\n{head}---\n\n" + "\n\n".join(sections) + "\n"


def best_record(board: Board) -> Record | None:
    """The summary of the best run, if any run has an average."""
    best = board["best"] or {"model": None, "recipe": None}
    same = (r for r in board["summary"] if all(r[key] == best[key] for key in ("model", "recipe")))
    return next(same, None)


def _no_run(board: Board) -> Iterator[str]:
    yield f"# {board['study']}"
    yield board["question"]
    yield (
        "No run of this study is complete, so there is no average, no best run and no submission: "
        f"{len(board['missing'])} evaluations are missing. `scores.md` names them, and has what "
        "is there."
    )


def _run(board: Board, record: Record, used: list[Part]) -> Iterator[str]:
    yield f"# {record['model']}, {record['recipe']}"
    first, *others = sentences(board)
    yield f"{board['question']} {first}"
    if others:
        yield _points(others)
    yield "## What it is"
    yield _what(board, record)
    yield "## Intended use"
    yield _use(board)
    yield "## Training"
    yield from _training(board, record)
    yield "## Scores"
    yield _scores(board, record)
    yield "## Limits"
    yield _points(_limits(board, record))
    yield "## Data and licences"
    yield from _licences(used)
    yield "## Files"
    yield _points(_files(board))


def _what(board: Board, record: Record) -> str:
    best, tasks = board["best"], board["recipes"][record["recipe"]]
    seeds = _seeds(record)
    seed = f"seed {best['seed']}" + (f" of {listed(seeds)}" if len(seeds) > 1 else "")
    return (
        f"The run with the best {_mean(board)} of study `{board['study']}`, chosen on the test "
        f"scores: backbone `{record['model']}`, then {', '.join(tasks) or 'no intermediate task'}, "
        f"then each target task; one model per target, all from the same start ({seed}). "
        f"{board['data_note']}"
    )


def _mean(board: Board) -> str:
    return "mean of its targets" if is_own(board["total"]) else "average"


def _seeds(record: Record) -> list[str]:
    return list(dict.fromkeys(seed for own in record["tasks"].values() for seed in own["seeds"]))


def _use(board: Board) -> str:
    use = (
        "Research on zero-shot transfer between languages: a start for fine-tuning on English "
        "data, and a reference for other recipes on the same targets."
    )
    if board["source"] == "world":
        return (
            f"{use} It knows the few hundred words of a miniature world and is of no use on real "
            "text: it shows that the pipeline works, and what it measures."
        )
    return f"{use} It was not tested for anything else, such as decisions about people."


def _training(board: Board, record: Record) -> Iterator[str]:
    sources = board["provenance"]["training"]
    rows = [["intermediate", *_rows(own)] for own in sources["recipes"][record["recipe"]]]
    for target, own in sources["targets"].items():
        before = own.get("before", ()) if own else ()
        rows += [[f"fine-tuning for {target}", *_rows(each)] for each in before]
        rows.append([f"fine-tuning for {target}", *(_rows(own) if own else ["nothing", "", ""])])
    yield table(["phase", "task", "language", "rows"], rows, names=3)
    yield (
        "Steps of fine-tuning were chosen on English dev data, those of intermediate training on "
        f"dev data of its own languages. Code: {_commit(board)}.{_cost(board['cost'])}"
    )


def _rows(source: Record) -> list[str]:
    rows = source.get("trained")
    rows = source["rows"] if rows is None else rows
    count = "not recorded" if rows is None else f"{rows:,}"
    return [source["task"], source.get("language", ENGLISH), count]


def _commit(board: Board) -> str:
    code = board["provenance"]["code"]
    if not code["revision"]:
        return "not recorded"
    return f"commit `{code['revision'][:12]}`{' with changes' if code['dirty'] else ''}"


def _cost(cost: Record | None) -> str:
    if not cost or cost["used_hours"] is None:
        return ""
    return f" The study took {cost['used_hours']:.2f} hours of {cost['device'] or 'its device'}."


def _scores(board: Board, record: Record) -> str:
    head = ["task", "metric", "score", "English", "zero-shot", "lowest language"]
    rows = []
    total = board["total"]
    for task, own in record["tasks"].items():
        name = task if task in total["tasks"] else f"{task} (in no average)"
        code = min(own["languages"], key=own["languages"].__getitem__)
        values = [own["value"], own["english"], own["zero_shot"]]
        lowest = f"{LANGUAGES[code].name} {points(own['languages'][code])}"
        rows.append(
            [name, f"`{board['metrics'][task]}`", *map(_points_of, values), lowest, _delta(own)]
        )
    average = record["average"]
    rows.append([f"**{_mean(board)}**", "", f"**{points(average['value'])}**", "", "", ""])
    rows[-1].append(_delta(average))
    return table([*head, f"against {board['baseline']}"], rows, names=2)


def _points_of(value: float | None) -> str:
    return NOTHING if value is None else points(value)


def _delta(scores: Record) -> str:
    delta = scores["delta"]
    return f"{signed(delta['value'])} ({span(delta, spelled_out=False)})" if delta else NOTHING


def _limits(board: Board, record: Record) -> Iterator[str]:
    compared = sum(not own["control_of"] for own in board["summary"])
    if compared > 1:
        yield (
            f"It is the best of {compared} runs by test scores, which flatters it: differences to "
            "other recipes, with intervals, are the better guide."
        )
    seen = trained_languages(board, record["recipe"])
    spoken = f"; intermediate training was in {listed(seen)}" if set(seen) - {"English"} else ""
    yield (
        f"Fine-tuned on English alone{spoken}: other languages are zero-shot, and the table above "
        "shows how far they fall behind."
    )
    if len(_seeds(record)) == 1:
        yield "One seed: another training run may differ by more than the intervals say."
    if lacking := board["total"]["missing"]:
        yield f"The {mean_name(board['total'])} lacks {listed(lacking)} of {board['benchmark']}."
    if board["source"] == "world":
        yield "Its data are generated from a small grammar: scores compare with no published ones."
    yield "Biases of the backbone and of the training data were neither measured nor mended."


def trained_languages(board: Board, recipe: str) -> list[str]:
    """Names of the languages in which a recipe's tasks were trained."""
    sources = board["provenance"]["training"]["recipes"][recipe]
    return [LANGUAGES[code].name for code in dict.fromkeys(own["language"] for own in sources)]


def _licences(used: list[Part]) -> Iterator[str]:
    rows = ([own.name, ", ".join(own.uses), own.origin, own.licence] for own in used)
    yield table(["what", "used for", "from", "licence"], rows, names=4)
    yield (
        "Licences are those that publishers state; whether they bear on a model that was trained "
        "on the data is for its user to judge."
    )


def _files(board: Board) -> Iterator[str]:
    yield "`index.html`: the report. `scores.json`: every score, difference and hash behind it."
    yield "`scores.csv`, `summary.csv`, `scores.md`: the same scores as tables."
    if not is_own(board["total"]):
        yield (
            f"`{SUBMISSION}/`, `{ARCHIVE}`: predictions of seed {board['best']['seed']} in the "
            "official XTREME layout."
        )
    yield "`predictions/`: predictions of every model, recipe and seed."


def _points(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)
