"""The graph as DVC sees it: the same stages and edges as in the plan, run no more than needed."""

import json
import subprocess
import sys

import pytest
from small_project import dvc, environment, ran, results, small_project, xstilts

from xstilts.study.params import read_params
from xstilts.study.plan import stages

pytestmark = pytest.mark.xdist_group("dvc")  # all of them go on with one project
EDGES = """\
import json
from dvc.repo import Repo
graph = Repo(".").index.graph
print(json.dumps({stage.addressing: sorted(dep.addressing for dep in graph.successors(stage))
                  for stage in graph}))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = small_project(tmp_path_factory.mktemp("dvc") / "project")
    code, output = xstilts(folder, "run", "small")
    assert code == 0, output
    return folder


@pytest.fixture(autouse=True)
def _nothing_ran_yet(project):
    ran(project)


def edit(path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_dvc_and_the_plan_have_the_same_graph(project):
    plan = stages(read_params(project / "params.yaml"))
    output = subprocess.run(
        [sys.executable, "-c", EDGES],
        cwd=project,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert json.loads(output) == {stage.name: sorted(stage.deps) for stage in plan}


def test_every_output_is_there(project):
    plan = stages(read_params(project / "params.yaml"))
    assert set(results(project)) == {f"{stage.output}/result" for stage in plan}


def test_a_second_run_does_nothing(project):
    code, output = xstilts(project, "run")
    assert code == 0
    assert "Nothing to do: all 14 stages are up to date." in output
    assert output.rstrip().endswith("results/small/index.html")
    assert "Data and pipelines are up to date." in dvc(project, "repro")
    assert ran(project) == []


def test_a_changed_setting_runs_only_what_depends_on_it(project):
    edit(project / "pipelines/studies/small.yaml", "panx: {epochs: 2}", "panx: {epochs: 3}")
    code, output = xstilts(project, "plan")
    assert code == 0
    assert "14 stages: 9 up to date, 2 to run, 3 to run if what they depend on changes." in output
    assert xstilts(project, "run")[0] == 0
    assert ran(project) == [
        "evaluate@mini-encoder-mnli-panx-0",
        "evaluate@mini-encoder-none-panx-0",
        "finetune@mini-encoder-mnli-panx-0",
        "finetune@mini-encoder-none-panx-0",
        "publish",
    ]


def test_what_once_ran_comes_back_from_the_cache(project):
    before = results(project)
    study = project / "pipelines/studies/small.yaml"
    edit(study, "languages: [en, de]", "languages: [en, ru]")
    assert xstilts(project, "run")[0] == 0
    assert results(project) != before
    ran(project)
    edit(study, "languages: [en, ru]", "languages: [en, de]")
    code, output = xstilts(project, "run")
    assert code == 0
    assert "(from the cache)" in output
    assert ran(project) == []
    assert results(project) == before


def test_an_upstream_stage_that_writes_the_same_stops_the_run_there(project):
    readme = project / "xstilts/world/notes"
    readme.write_text("no influence on what the payload writes")
    try:
        before = results(project)
        edit(
            project / "components/payload.py",
            'entry[name] for name in ("needs", ',
            "entry[name] for name in (",
        )
        dvc(project, "repro", "--force")  # from now on nothing depends on the world's bytes
        ran(project)
        readme.write_text("other")
        assert xstilts(project, "run")[0] == 0
        assert ran(project) == ["prepare@mnli", "prepare@panx", "prepare@tatoeba"]
        assert before.keys() == results(project).keys()
    finally:
        readme.unlink()


def test_a_recipe_that_is_removed_leaves_the_evaluations(project):
    study = project / "pipelines/studies/small.yaml"
    edit(study, "  mnli: [mnli]\n", "")
    assert xstilts(project, "run")[0] == 0
    assert not list((project / "evaluations/small").glob("*-mnli-*"))
    assert list((project / "evaluations/small").glob("*-none-*"))


def test_plain_dvc_repro_runs_the_same_graph(project, tmp_path):
    folder = small_project(tmp_path / "plain")
    assert xstilts(folder, "study", "use", "small")[0] == 0
    dvc(folder, "repro")
    assert xstilts(folder, "run")[1].startswith("Nothing to do")
    assert len(ran(folder)) == 14
    assert project != folder
