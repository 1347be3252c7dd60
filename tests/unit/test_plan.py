"""From a study to params.yaml and to stages: what each uses, writes and waits for."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from xstilts.errors import UserError
from xstilts.study.check import read_study
from xstilts.study.params import params_text, read_params, write_params
from xstilts.study.plan import Stage, critical_path, descendants, stages
from xstilts.study.resolve import resolve
from xstilts.tasks.record import Task
from xstilts.training.config import TrainConfig

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"


@pytest.fixture
def params(tmp_path):
    """Resolve the golden study with some of its lines replaced."""

    def resolved(changes: dict[str, str] | None = None, **options):
        text = (GOLDEN / "small.yaml").read_text(encoding="utf-8")
        for line, other in (changes or {}).items():
            assert line in text
            text = text.replace(line, other)
        path = tmp_path / "small.yaml"
        path.write_text(text, encoding="utf-8")
        return resolve(read_study(path, **options))

    return resolved


def test_the_golden_study(params):
    assert params_text(params()) == (GOLDEN / "small.params.yaml").read_text(encoding="utf-8")


def test_the_parameters_do_not_depend_on_the_process():
    code = (
        "from pathlib import Path\nfrom xstilts.study.check import read_study\n"
        "from xstilts.study.params import params_text\nfrom xstilts.study.resolve import resolve\n"
        f"print(params_text(resolve(read_study(Path({str(GOLDEN / 'small.yaml')!r})))), end='')"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert texts == {(GOLDEN / "small.params.yaml").read_text(encoding="utf-8")}


def test_the_committed_parameters_are_those_of_their_study():
    path = ROOT / "params.yaml"
    name = read_params(path)["study"]["name"]
    study = read_study(ROOT / "pipelines" / "studies" / f"{name}.yaml")
    assert path.read_text(encoding="utf-8") == params_text(resolve(study))


def test_both_readers_of_the_file_agree(params):
    text = params_text(params())
    assert yaml.safe_load(text) == YAML(typ="safe").load(text) == params()


def test_every_entry_is_what_its_stage_reads(params):
    found = params()
    for entry in (*found["evaluate"].values(), *found["shortcuts"].values()):
        assert Task.from_dict(entry["task"]).languages
    for entry in found["prepare"].values():
        for item in entry["tasks"]:
            task = Task.from_dict(item["task"])
            assert set(item["splits"]) <= set(task.source.splits)
            assert all(set(langs) <= set(task.languages) for langs in item["splits"].values())
    for entry in found["finetune"].values():
        config = TrainConfig.of(entry["training"], Task.from_dict(entry["task"]), entry["seed"])
        assert (config.precision, config.batch_size) == ("bf16", 8)


def test_targets_share_models_and_retrieval_uses_what_was_not_fine_tuned(params):
    evaluate = params()["evaluate"]

    def model(key: str) -> str:
        return evaluate[f"mini-encoder-{key}-0"]["model_dir"]

    assert model("mnli-xquad") == model("mnli-mlqa") == "models/finetune/mini-encoder-mnli-squad-0"
    assert (
        model("mnli-tatoeba") == model("mnli-bucc2018") == "models/intermediate/mini-encoder-mnli-0"
    )
    assert model("none-tatoeba") == "models/backbone/mini-encoder"
    assert model("untrained-none-tatoeba") == "models/backbone/mini-encoder-untrained"


def test_training_and_selection_see_english_only(params):
    found = params()
    for entry in found["prepare"].values():
        for item in entry["tasks"]:
            is_mining = item["task"]["format"] == "mining"
            for split, langs in item["splits"].items():
                assert split == "test" or is_mining or langs == ["en"]


def test_the_world_limits_the_languages(params):
    found = params({"languages: [en, de, ru, zh]\n": ""})
    langs = found["evaluate"]["mini-encoder-none-xnli-0"]["task"]["languages"]
    assert langs == ["ar", "de", "en", "es", "hi", "ru", "sw", "tr", "zh"]
    assert found["evaluate"]["mini-encoder-none-panx-0"]["task"]["languages"] == ["en", "zh"]


def test_later_settings_override_earlier_ones(params):
    changes = {
        "training: {precision: bf16, batch_size: 8}": "training: {epochs: 5, batch_size: 8}\n"
        "finetune: {epochs: 6}",
        "  mnli: [mnli]": "  mnli: {tasks: [mnli], learning_rate: 1e-3}",
    }
    found = params(changes)

    def training(phase: str, key: str) -> dict:
        return found[phase][f"mini-encoder-{key}-0"]["training"]

    assert training("intermediate", "mnli")["epochs"] == 5  # the run's, over the record's
    assert training("intermediate", "mnli")["learning_rate"] == 1e-3  # the recipe's
    assert training("intermediate", "both")["epochs"] == 1
    assert training("finetune", "none-mnli")["epochs"] == 6  # the phase's
    assert training("finetune", "none-panx")["epochs"] == 2  # the task's
    assert training("finetune", "none-mnli")["learning_rate"] == 3e-6  # the paper's


def test_the_hyper_parameters_of_xtreme(params):
    found = params({"baseline: none": "baseline: none\nhparams: xtreme"})
    entry = found["finetune"]["mini-encoder-none-panx-0"]
    assert entry["training"]["learning_rate"] == 2e-5
    assert entry["task"]["hparams"] == {"max_length": 128}


def _changed(before: dict, after: dict) -> set[str]:
    return {
        f"{phase}@{key}"
        for phase in ("prepare", "backbone", "intermediate", "finetune", "evaluate", "shortcuts")
        for key in before[phase]
        if before[phase][key] != after[phase].get(key)
    }


@pytest.mark.parametrize(
    ("line", "other", "expected"),
    [
        ("  panx: {epochs: 2,", "  panx: {epochs: 3,", "finetune@{run}-panx-0"),
        ("intermediate: {learning_rate: 3e-4}", "intermediate: {learning_rate: 2e-4}",
         "intermediate@mini-encoder-mnli-0 intermediate@mini-encoder-both-0"),
        ("sizes: {train: 50}", "sizes: {train: 60}", "prepare@panx"),
        ("languages: [en, zh]", "languages: [en, de]",
         "prepare@panx evaluate@{run}-panx-0 shortcuts@panx"),
    ],
)  # fmt: skip
def test_a_change_reaches_only_the_stages_that_use_it(params, line, other, expected):
    runs = ("mini-encoder-none", "mini-encoder-mnli", "mini-encoder-both",
            "mini-encoder-untrained-none")  # fmt: skip
    wanted = {name.replace("{run}", run) for name in expected.split() for run in runs}
    assert _changed(params(), params({line: other})) == wanted


def test_a_mirror_is_a_dependency_as_far_as_it_is_used(params, tmp_path):
    hub = tmp_path / "hub"
    (hub / "facebook" / "xnli").mkdir(parents=True)
    prepare = params(mirror=str(hub))["prepare"]
    assert prepare["xnli"]["needs"] == f"{hub}/facebook/xnli"
    assert prepare["both"]["needs"] == str(hub)  # several data sets
    assert prepare["panx"]["needs"] == str(hub)  # not there: prepare will say so
    assert prepare["xnli"]["tasks"][0]["source"] == {"kind": "mirror", "path": str(hub)}


def test_a_backbone_from_scratch(params, tmp_path):
    found = params(from_scratch=True)["backbone"]["mini-encoder"]
    assert (found["kind"], found["needs"]) == ("world", "xstilts/world")
    text = {"baseline: none": "baseline: none\ntext: {xnli: [dev], mnli: [train]}"}
    found = params(text, from_scratch=True, mirror=str(tmp_path))
    assert found["backbone"]["mini-encoder"]["needs"] == "data/text"
    splits = {item["task"]["name"]: item["splits"] for item in found["prepare"]["text"]["tasks"]}
    assert splits == {"xnli": {"dev": ["de", "en", "ru", "zh"]}, "mnli": {"train": ["en"]}}
    backbone = next(stage for stage in stages(found) if stage.name == "backbone@mini-encoder")
    assert backbone.deps == ("prepare@text",)


def test_the_stages_and_what_they_wait_for(params):
    plan = {stage.name: stage for stage in stages(params())}
    assert plan["finetune@mini-encoder-both-panx-0"].deps == (
        "intermediate@mini-encoder-both-0",
        "prepare@panx",
    )
    assert plan["intermediate@mini-encoder-both-0"].deps == (
        "backbone@mini-encoder",
        "prepare@both",
    )
    assert plan["backbone@mini-encoder-untrained"].deps == ("backbone@mini-encoder",)
    assert plan["shortcuts@xnli"].deps == ("prepare@xnli", "prepare@mnli")
    assert plan["shortcuts@tatoeba"].deps == ("prepare@tatoeba",)
    assert plan["publish"].output == "results/small"
    scored = {stage.name for stage in plan.values() if stage.phase in ("evaluate", "shortcuts")}
    assert set(plan["publish"].deps) == scored


def test_every_stage_stands_after_what_it_waits_for(params):
    seen: set[str] = set()
    for stage in stages(params()):
        assert set(stage.deps) <= seen
        seen.add(stage.name)


def test_processes_of_a_stage(params):
    found = params({"panx: {epochs: 2,": "panx: {epochs: 2, processes: 2,"})
    slots = {stage.name: stage.slots for stage in stages(found)}
    assert slots["finetune@mini-encoder-none-panx-0"] == 2
    assert slots["finetune@mini-encoder-none-mnli-0"] == 1


@st.composite
def plans(draw):
    size = draw(st.integers(1, 12))
    return [
        Stage(str(i), "prepare", str(i), str(i), tuple(
            str(dep) for dep in range(i) if draw(st.booleans())
        ))
        for i in range(size)
    ]  # fmt: skip


@given(plans(), st.data())
def test_descendants_are_closed_and_no_more(plan, data):
    changed = data.draw(st.sets(st.sampled_from([stage.name for stage in plan])))
    found = descendants(plan, changed)
    for stage in plan:
        reached = stage.name in changed or bool(found & set(stage.deps))
        assert (stage.name in found) == reached


@given(plans())
def test_the_critical_path_counts_the_longest_way(plan):
    longest = critical_path(plan, {stage.name: 1.0 for stage in plan})
    for stage in plan:
        later = [longest[other.name] for other in plan if stage.name in other.deps]
        assert longest[stage.name] == 1 + max(later, default=0)


def test_the_file_is_written_only_when_it_changes(params, tmp_path):
    path = tmp_path / "params.yaml"
    assert write_params(path, params())
    before = path.stat().st_mtime_ns
    assert not write_params(path, params())
    assert path.stat().st_mtime_ns == before
    assert read_params(path) == params()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(None, "is missing"), ("a: [", "cannot be read"), ("a: 1", "names no study")],
)
def test_parameters_that_cannot_be_used(tmp_path, content, complaint):
    path = tmp_path / "params.yaml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=complaint):
        read_params(path)
