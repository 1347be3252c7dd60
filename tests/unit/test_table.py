from dataclasses import replace
from typing import Any

import pytest
import yaml

from xstilts.errors import UserError
from xstilts.tasks.check import problems, task_problems
from xstilts.tasks.intermediate_tasks import NLI
from xstilts.tasks.record import Hparams, Task
from xstilts.tasks.table import BENCHMARKS, TASKS, VARIANTS, get_task, task_in

XTREME = {"xnli", "pawsx", "udpos", "panx", "xquad", "mlqa", "tydiqa", "bucc2018", "tatoeba"}
XTREME_R = XTREME - {"pawsx", "bucc2018"} | {"xcopa", "lareqa", "mewslix"}
INTERMEDIATE = {"mnli", "qqp", "squad", "hellaswag", "commonsense_qa"}


def test_table_holds_xtreme_and_the_intermediate_tasks():
    assert set(TASKS) >= XTREME | INTERMEDIATE
    assert {name for group in BENCHMARKS["xtreme"].values() for name in group} == XTREME
    assert {name for group in BENCHMARKS["xtreme-r"].values() for name in group} == XTREME_R
    assert {name for name in TASKS if TASKS[name].group} == XTREME | XTREME_R


def test_table_has_no_problems():
    assert problems(TASKS, BENCHMARKS) == []


@pytest.mark.parametrize("name", sorted(XTREME))
def test_languages_are_those_of_the_benchmark(name, shared):
    facts = yaml.safe_load((shared / "facts" / "tasks.yaml").read_text(encoding="utf-8"))
    assert set(TASKS[name].languages) == set(facts["target_tasks"][name]["languages"])


@pytest.mark.parametrize("name", sorted(XTREME_R))
def test_languages_of_xtreme_r_are_those_of_the_facts(name, shared):
    facts = yaml.safe_load((shared / "facts" / "tasks.yaml").read_text(encoding="utf-8"))
    facts = facts["target_tasks"][name]
    wanted = facts.get("languages_xtreme_r", facts["languages"])
    assert set(task_in(name, "xtreme-r").languages) == set(wanted)
    assert task_in(name, "xtreme") == TASKS[name]


def test_only_xtreme_r_embeds_tatoeba_after_squad():
    assert task_in("tatoeba", "xtreme-r").embedded_by == "squad"
    assert TASKS["tatoeba"].embedded_by is None


def test_added_languages_lie_in_other_data_sets():
    source = task_in("udpos", "xtreme-r").source
    assert source.of("de").config_of("de") == "udpos.German"
    polish = source.of("pl")
    assert (polish.hub, polish.config_of("pl"), polish.columns["tags"]) == (
        "universal-dependencies/universal_dependencies", "pl_pdb", "upos",
    )  # fmt: skip
    assert source.of("de").elsewhere == polish.elsewhere == {}
    tatoeba = task_in("tatoeba", "xtreme-r").source.of("lt")
    assert tatoeba.config_of("lt") == "lit-eng"


def test_targets_train_with_the_hyper_parameters_of_both_papers(shared):
    facts = yaml.safe_load((shared / "facts" / "tasks.yaml").read_text(encoding="utf-8"))
    phang = facts["target_hparams_phang_v1"]
    for name, given in phang["batch_epochs"].items():
        ours = TASKS[name].hparams
        assert (ours.batch_size, ours.epochs) == (given["batch"], given["epochs"])
        assert ours.learning_rate == phang["learning_rate"]
        official, theirs = TASKS[name].hparams_xtreme, facts["target_tasks"][name]
        theirs = theirs["hparams_xtreme_xlmr_large"]
        assert official.learning_rate == theirs["learning_rate"]
        assert official.epochs == theirs["epochs"]
        assert official.batch_size == theirs["effective_batch_size"]
        assert official.max_length == theirs["max_seq_length"]
        assert official.weight_decay == theirs["weight_decay"]


@pytest.mark.parametrize("name", sorted(TASKS))
def test_record_survives_yaml(name):
    text = yaml.safe_dump(TASKS[name].to_dict(), allow_unicode=True)
    assert Task.from_dict(yaml.safe_load(text)) == TASKS[name]


def test_variant_survives_yaml():
    for task in VARIANTS["xtreme-r"].values():
        assert Task.from_dict(yaml.safe_load(yaml.safe_dump(task.to_dict()))) == task


def _source(**change: Any) -> Any:
    return lambda task: replace(task, source=replace(task.source, **change))


def _task(**change: Any) -> Any:
    return lambda task: replace(task, **change)


@pytest.mark.parametrize(
    ("name", "broken", "said"),
    [
        ("xnli", _task(train_from="mnly"), "train_from names no task: 'mnly'"),
        ("xnli", _task(train_from="squad"), "differs from squad in format, labels"),
        ("mlqa", _task(train_from="xquad"), "xquad is itself trained from squad"),
        ("mlqa", _task(hparams=Hparams()), "shares a model with xquad, but not its hparams"),
        ("tatoeba", _task(train_from="mnli"), "is not trained"),
        ("squad", _source(splits={"dev": "validation"}), "no train and dev splits"),
        ("udpos", _task(format="tags"), "unknown format 'tags'"),
        ("udpos", _task(metric="squad"), "metric 'squad' is none of tagging's"),
        ("panx", _task(labels=("O",)), "two or more different labels"),
        ("panx", _task(labels=("O", "O")), "two or more different labels"),
        ("squad", _task(labels=("a", "b")), "needs no labels"),
        ("hellaswag", _task(choices=None), "choices is None"),
        ("hellaswag", _source(labels=("0", "1")), "2 source labels for 4 choices"),
        ("xnli", _source(labels=("a", "b", "c")), "are not the task's"),
        ("xnli", _source(labels=(*NLI, "neutral")), "hold neutral twice"),
        ("hellaswag", _source(labels=("0", "1", "2", "2")), "hold 2 twice"),
        ("xquad", _task(languages=("en", "xx")), "unknown languages xx"),
        ("xquad", _task(languages=("en", "en")), "missing or repeated"),
        ("tydiqa", _task(languages=("ko",)), "English must be a language"),
        ("tatoeba", _task(languages=("de", "en")), "English is the other side"),
        ("xcopa", _task(train_from="siqa"), "differs from siqa in choices (xcopa has 2, siqa 3)"),
        ("tatoeba", _source(language_codes={"de": "deu"}), "language_codes does not cover"),
        ("xquad", _source(config="all"), "neither {lang} in the config"),
        ("xquad", _source(hub="xquad"), "has no namespace"),
        ("xquad", _source(splits={"valid": "validation"}), "unknown split 'valid'"),
        ("xquad", _source(splits={"test": "validation[50"}), "no readable expression"),
        ("xquad", _source(columns={"id": "id"}), "columns lack"),
        ("xquad", _source(clean=("polish",)), "unknown cleaning steps"),
        ("pawsx", _task(group="qa"), "says its group is 'qa'"),
        ("pawsx", _task(name="paws"), "stands under the key 'pawsx'"),
    ],
)
def test_broken_record_is_reported(name, broken, said):
    tasks = TASKS | {name: broken(TASKS[name])}
    assert any(said in problem for problem in problems(tasks, BENCHMARKS)), problems(
        tasks, BENCHMARKS
    )


@pytest.mark.parametrize(
    ("group", "members", "said"),
    [
        ("qa", ("xquad", "mlqa"), "tydiqa: missing from group qa"),
        ("qa", ("xquad", "mlqa", "tydiqa", "tidy"), "names no task: 'tidy'"),
        ("qa", ("xquad", "mlqa", "tydiqa", "xnli"), "two groups"),
        ("qa", (), "group qa is empty"),
    ],
)
def test_incomplete_benchmark_is_reported(group, members, said):
    broken = {"xtreme": BENCHMARKS["xtreme"] | {group: members}}
    assert any(said in problem for problem in problems(TASKS, broken))


def test_lost_task_is_reported():
    tasks = {name: task for name, task in TASKS.items() if name != "squad"}
    found = problems(tasks, BENCHMARKS)
    assert [p for p in found if "train_from names no task: 'squad'" in p and "xquad" in p]


def test_a_record_can_be_checked_alone():
    assert task_problems(TASKS["xnli"]) == []


def test_unknown_task_names_the_near_ones():
    with pytest.raises(UserError, match="did you mean xnli") as error:
        get_task("xnil")
    assert all(name in str(error.value) for name in TASKS)


def test_hopeless_task_name_lists_all():
    with pytest.raises(UserError) as error:
        get_task("zzzz")
    assert "did you mean" not in str(error.value)
    assert "xquad" in str(error.value)
