"""`xstilts publish` and its neighbours on the command line, where no S3 server is needed."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from published import results
from synthetic_study import evaluations, write_study

from xstilts import cli
from xstilts.errors import UserError
from xstilts.publish import commands
from xstilts.publish.board.schema import read_board
from xstilts.publish.commands import Destination, publish_study
from xstilts.store.publication import Published
from xstilts.study.plan import Stage
from xstilts.study.state import LOCK

TARGETS = ("xnli", "tatoeba")


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch) -> Path:
    """An empty project, in which no command of DVC is ever run."""
    (tmp_path / "pipelines" / "studies").mkdir(parents=True)
    (tmp_path / "dvc.yaml").touch()
    (tmp_path / ".dvc").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def study(project, monkeypatch) -> SimpleNamespace:
    """A study that is evaluated; `ran` are stages that were asked for, which end with `code`."""
    recipes = {"none": [], "mnli": ["mnli"]}
    params = write_study(project, lambda *_names: 0.6, recipes=recipes, targets=TARGETS)
    found = SimpleNamespace(params=params, plan=plan_of(params), ran=[], code=0)

    def run(_root, plan, _jobs, _console) -> int:
        found.ran += [stage.name for stage in plan]
        if found.code == 0:
            results(Path(plan[0].output), study="made-up")
        return found.code

    monkeypatch.setattr(commands, "select", lambda *_arguments: params)
    monkeypatch.setattr(commands, "stages", lambda _params: found.plan)
    monkeypatch.setattr(commands, "changes", lambda _root: {})
    monkeypatch.setattr(commands, "run", run)
    return found


def plan_of(params) -> list[Stage]:
    folder = "evaluations/made-up"
    cells = [(f"evaluate@{key}", "evaluate", key, key) for key in params["publish"]["cells"]]
    cells += [
        (f"shortcuts@{key}", "shortcuts", key, f"shortcuts-{key}")
        for key in params["publish"]["shortcuts"]
    ]
    found = [Stage(name, phase, key, f"{folder}/{place}", ()) for name, phase, key, place in cells]
    names = tuple(stage.name for stage in found)
    return [*found, Stage("publish", "publish", "", "results/made-up", names)]


def publish(*, partial: bool = False, **options) -> int:
    return publish_study("made-up", None, False, partial, Destination(**options))


def lose(project, *keys: str) -> None:
    for key in keys:
        (evaluations(project) / key / "items.parquet").unlink()


def test_what_is_whole_is_written_by_dvc(study, project, capsys):
    assert publish() == 0
    assert study.ran == ["publish"]
    assert "made-up" in (project / "results" / "index.html").read_text(encoding="utf-8")
    assert f"Report: {project}/results/made-up/index.html" in capsys.readouterr().out


def test_a_stage_that_fails_gives_its_code(study, project):
    study.code = 2
    assert publish() == 2
    assert not (project / "results").exists()


def test_stages_that_would_run_again_are_told(study, monkeypatch, capsys):
    monkeypatch.setattr(commands, "changes", lambda _root: {study.plan[0].name: [], "publish": []})
    assert publish() == 0
    assert f"1 stages would run again today ({study.plan[0].name})" in capsys.readouterr().out


def test_what_is_missing_is_an_error_that_names_all_of_it(study, project):
    lose(project, "mini-none-xnli-0", "mini-mnli-tatoeba-0")
    with pytest.raises(UserError) as raised:
        publish()
    [problem] = raised.value.problems
    assert f"2 of {len(study.plan) - 1} evaluations of made-up are missing: " in problem
    assert "evaluate@mini-none-xnli-0" in problem
    assert "evaluate@mini-mnli-tatoeba-0" in problem
    assert study.ran == []


def test_partial_results_lie_beside_whole_ones(study, project):
    whole = results(project / "results" / "made-up") / "scores.json"
    before = whole.read_bytes()
    lose(project, "mini-mnli-xnli-0")
    assert publish(partial=True) == 0
    assert study.ran == []
    assert whole.read_bytes() == before
    board = read_board(project / "results" / "made-up-partial" / "scores.json")
    missing = {"model": "mini", "recipe": "mnli", "target": "xnli", "seed": 0}
    assert board["missing"] == [missing]
    page = (project / "results" / "index.html").read_text(encoding="utf-8")
    assert "made-up-partial/index.html" in page


def test_partial_is_allowed_but_nothing_is_missing(study, project):
    assert publish(partial=True) == 0
    assert study.ran == ["publish"]
    assert not (project / "results" / "made-up-partial").exists()


@pytest.mark.usefixtures("study")
@pytest.mark.parametrize(
    ("options", "problems"),
    [
        (
            {"run": "a", "champion": "x", "dry_run": True},
            ["--run needs", "--champion", "--dry-run"],
        ),
        ({"endpoint": "http://x", "s3_profile": "y"}, ["--endpoint needs", "--s3-profile needs"]),
        ({"to": "store"}, ["This clone has no store"]),
        ({"to": "store", "region": "x"}, ["The clone's store has its own"]),
        ({"to": "http://x"}, ["is no place for a store"]),
        ({"to": "s3://bucket", "run": "a/b", "champion": "../x"}, ["run's id 'a/b'", "'../x'"]),
    ],
)
def test_mistakes_are_found_before_anything_is_written(options, problems, project):
    with pytest.raises(UserError) as raised:
        publish(**options)
    assert len(raised.value.problems) == len(problems)
    for problem, expected in zip(raised.value.problems, problems, strict=True):
        assert expected in problem
    assert not (project / "results").exists()


@pytest.mark.parametrize(("dry_run", "expected"), [(False, "proposed"), (True, "considered")])
def test_the_champion_is_challenged_by_what_was_published(
    study, project, monkeypatch, capsys, dry_run, expected
):
    calls = []
    done = Published(True, "r1")
    names = [stage.name for stage in study.plan]
    (project / LOCK).write_text(commands.fragments.lock_text({name: {} for name in names}))
    (project / "params.yaml").write_bytes(b"study: {}\nprepare: {}\n")
    monkeypatch.setattr(commands.check, "problems", lambda *_given, **_options: [])
    monkeypatch.setattr(commands, "publish_results", lambda *_given: calls.append("sent") or done)
    monkeypatch.setattr(commands, "look_up", lambda *_given: done)
    monkeypatch.setattr(
        "xstilts.registry.commands.propose", lambda *own: calls.append(("proposed", *own[1:])) or 7
    )
    monkeypatch.setattr(
        "xstilts.registry.commands.propose_local",
        lambda *own: calls.append(("considered", own[1], *own[3:])) or 7,
    )
    assert publish(to="s3://bucket/p", champion="best", dry_run=dry_run) == 7
    assert calls[-1][:4] == (expected, "best", "made-up", "r1")
    assert ("sent" in calls) is not dry_run
    would = "would be published in" if dry_run else "is published: s3://bucket/p/studies/made-up/r1"
    assert f"The run r1 of made-up {would}" in capsys.readouterr().out


def test_only_the_study_s_own_part_of_the_lock_is_published(study, project):
    names = [stage.name for stage in study.plan]
    folder = Path("results/made-up")
    with pytest.raises(UserError, match=r"dvc\.lock says nothing of evaluate@.*publish, so"):
        commands._lock(study.plan, folder)
    entries = {name: {"cmd": name} for name in [*names, "of-another-study"]}
    text = commands.fragments.lock_text(entries)
    (project / LOCK).write_text(text, encoding="utf-8")
    del entries["of-another-study"]
    assert commands._lock(study.plan, folder).decode() == commands.fragments.lock_text(entries)
    (project / LOCK).write_text(commands.fragments.lock_text({"publish": {"cmd": "x"}}))
    partial = commands._lock(study.plan, Path("results/made-up-partial")).decode()
    assert partial == commands.fragments.lock_text({})


def test_the_command_line_reaches_every_command(project, monkeypatch):
    """What is asked for arrives; paths are seen from where the user is."""
    calls = []

    def note(code):
        return lambda *arguments: calls.append(arguments) or code

    (project / "below").mkdir()
    for number, name in enumerate(
        (
            *("registry.commands.show", "registry.commands.history", "registry.commands.rollback"),
            *("publish.files.submission_check.check", "publish.files.export.export_model"),
            "publish.commands.publish_study",
        ),
        10,
    ):
        monkeypatch.setattr(f"xstilts.{name}", note(number))
    lines = [
        ("champion show", 10, (None,)),
        ("champion show x", 10, ("x",)),
        ("champion history x", 11, ("x",)),
        ("champion rollback x --to 3", 12, ("x", "3")),
        ("submission check zips/a.zip --study mini", 13, ("below/zips/a.zip", "mini")),
        ("export ../out phang2020 --profile mini --target xnli", 14,
         (Path("out"), "phang2020-mini", "xnli")),
        ("publish mini --allow-partial --to s3://b --s3-profile p --run r --champion c --dry-run",
         15, ("mini", None, False, True,
              Destination("s3://b", None, None, "p", "r", "c", True))),
    ]  # fmt: skip
    for line, code, expected in lines:
        monkeypatch.chdir(project / "below")
        assert cli.main(line.split()) == code
        assert calls[-1] == expected
