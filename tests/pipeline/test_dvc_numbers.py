"""`dvc metrics` and `dvc plots` on what the publish stage writes, in a project with two runs."""

import json
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
import vl_convert
from small_project import ROOT, dvc, small_project, xstilts

# The stage publishes whatever the test put into board.json
PUBLISH = """\
        if phase == "publish":
            import json
            from xstilts.publish.files.numbers import write_numbers
            write_numbers(json.loads(pathlib.Path("board.json").read_text()), output)
"""
METRICS = "results/small/metrics.json"


def board(gain: float) -> dict:
    """Two recipes of one model, the second `gain` points better, and its learning curve."""
    delta = {"value": gain, "low": gain - 1, "high": gain + 1}
    curve = {"model": "m", "recipe": "mnli", "phase": "finetune", "task": "panx", "seed": 0}
    points = [{"step": n, "loss": 1 / n, "dev": 40.0 + n} for n in (10, 20)]
    return {
        "best": {"model": "m", "recipe": "mnli", "seed": 0},
        "summary": [_record("none", 50.0, None), _record("mnli", 50.0 + gain, delta)],
        "curves": [curve | {"metric": "entity_f1", "best_step": 20, "points": points}],
    }


def _record(recipe: str, value: float, delta: dict | None) -> dict:
    score = {"value": value, "delta": delta}
    return {"model": "m", "recipe": recipe, "tasks": {"panx": score}, "average": score}


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """Published twice: a gain of 2 points in the last commit, one of 5 points now."""
    folder = small_project(tmp_path_factory.mktemp("dvc") / "project")
    shutil.copytree(ROOT / ".dvc/plots", folder / ".dvc/plots")
    payload = folder / "components/payload.py"
    rename = '        (output / "half").rename'
    text = payload.read_text(encoding="utf-8")
    assert text.count(rename) == 1
    payload.write_text(text.replace(rename, PUBLISH + rename), encoding="utf-8")
    assert xstilts(folder, "study", "use", "small")[0] == 0
    _publish(folder, 2.0)
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "--message", "first")
    _publish(folder, 5.0)
    return folder


def _publish(folder: Path, gain: float) -> None:
    """Run the last stage alone, on other evaluations each time."""
    evaluations = folder / "evaluations/small"
    evaluations.mkdir(parents=True, exist_ok=True)
    (evaluations / "gain").write_text(str(gain))
    (folder / "board.json").write_text(json.dumps(board(gain)))
    dvc(folder, "repro", "--single-item", "publish")


def _git(folder: Path, *arguments: str) -> None:
    own = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    subprocess.run(["git", *own, *arguments], cwd=folder, check=True)


def test_metrics_of_the_study_are_shown(project):
    (shown,) = json.loads(dvc(project, "metrics", "show", "--json")).values()
    assert shown["data"][METRICS]["data"] == {
        "best": 55.0,
        "average/m/none": 50.0,
        "task/m/none/panx": 50.0,
        "average/m/mnli": 55.0,
        "delta/m/mnli": 5.0,
        "task/m/mnli/panx": 55.0,
    }


def test_metrics_of_two_runs_are_compared(project):
    found = json.loads(dvc(project, "metrics", "diff", "--json"))
    assert {name: own["diff"] for name, own in found[METRICS].items()} == {
        "best": 3.0,
        "average/m/mnli": 3.0,
        "delta/m/mnli": 3.0,
        "task/m/mnli/panx": 3.0,
    }


def test_plots_have_the_rows_of_both_runs(project):
    specs = _plots(project, "diff", "HEAD")
    titles = [spec["title"]["text"] for spec in specs]
    assert sorted(titles) == [
        "Average of each recipe",
        "Difference to the baseline by task, in points",
        "English dev score by step",
    ]
    for spec in specs:
        rows = spec["data"]["values"]
        assert {row["rev"] for row in rows} == {"HEAD", "workspace"}
        assert "<DVC_METRIC" not in json.dumps(spec)
        assert vl_convert.vegalite_to_svg(json.dumps(spec)).startswith("<svg")
    deltas = next(spec for spec in specs if "Difference" in spec["title"]["text"])
    found = {(row["rev"], row["recipe"]): row["delta"] for row in deltas["data"]["values"]}
    assert found["HEAD", "mnli"] == 2.0
    assert found["workspace", "mnli"] == 5.0


def test_plots_are_shown_without_another_run(project):
    specs = _plots(project, "show")
    steps = [row["step"] for spec in specs for row in spec["data"]["values"] if "step" in row]
    assert steps == [10, 20]


class _Scripts(HTMLParser):
    """The plots on a page of DVC: one `var spec = {...};` each."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.specs: list[dict] = []
        self.feed(text)

    def handle_data(self, data: str) -> None:
        if "var spec = " in data:
            start = data.index("var spec = ") + len("var spec = ")
            self.specs.append(json.JSONDecoder().raw_decode(data, start)[0])


def _plots(project: Path, *arguments: str) -> list[dict]:
    dvc(project, "plots", *arguments, "--out", "plots")
    return _Scripts((project / "plots/index.html").read_text(encoding="utf-8")).specs
