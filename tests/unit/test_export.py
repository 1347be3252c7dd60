"""The winning model in Hugging Face layout: it loads, computes the same, and says what it is."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from huggingface_hub import ModelCard
from synthetic_study import evaluations, write_study
from transformers import AutoModel, AutoTokenizer

from xstilts.errors import UserError
from xstilts.files import read_json, write_json
from xstilts.models.backbones import SHIPPED
from xstilts.models.body import load_body, load_tokenizer
from xstilts.models.checkpoint import load_model, save_model
from xstilts.models.heads import TaskModel
from xstilts.publish.board.evaluations import read_cells
from xstilts.publish.board.scoreboard import scoreboard
from xstilts.publish.files.export import export_model
from xstilts.study.params import write_params
from xstilts.tasks.table import TASKS

RECIPES = {"none": [], "mnli": ["mnli"]}
TARGETS = ("xnli", "tatoeba")
RESULTS = Path("results/made-up/scores.json")
BODY = Path("models/intermediate/mini-mnli-0")
TUNED = Path("models/finetune/mini-mnli-mnli-0")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A published study whose best recipe is mnli, with its models."""
    root = tmp_path_factory.mktemp("project")
    params = write_study(
        root,
        lambda _model, recipe, *_: 0.9 if recipe == "mnli" else 0.5,
        recipes=RECIPES,
        targets=TARGETS,
        controls=(),
        items=12,
    )
    cells = read_cells(params, evaluations(root))
    write_json(root / RESULTS, scoreboard(params, cells, evaluations(root), root))
    folders = {"xnli": TUNED, "tatoeba": BODY}
    params["evaluate"] = {
        f"mini-mnli-{target}-0": {"model_dir": str(folder)} for target, folder in folders.items()
    }
    write_params(root / "params.yaml", params)
    for target, folder in folders.items():
        trained = read_json(evaluations(root) / f"mini-mnli-{target}-0" / "scores.json")
        source = SHIPPED / "mini-encoder"
        task = TASKS["mnli"]
        model = TaskModel(load_body(source), [task], seed=0)
        if target == "xnli":
            torch.nn.init.normal_(model.body.encoder.layer[3].output.dense.bias)
        save_model(root / folder, model, load_tokenizer(source), [task])
        write_json(root / folder / "training.json", trained["provenance"]["training"])
        (root / folder / "steps.csv").write_text("step,loss\n")
    return root


@pytest.fixture
def project(made, tmp_path, monkeypatch):
    """A copy of the project, and the folder that one is in."""
    folder = tmp_path / "project"
    shutil.copytree(made, folder)
    monkeypatch.chdir(folder)
    return folder


def states(model, tokenizer) -> torch.Tensor:
    inputs = tokenizer("the dog sleeps", return_tensors="pt")
    with torch.no_grad():
        found: torch.Tensor = model(**inputs).last_hidden_state
    return found


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("target", [None, "xnli"])
def test_it_loads_and_gives_the_states_of_the_model_that_was_scored(target, tmp_path):
    folder = tmp_path / "out"
    assert export_model(folder, "made-up", target) == 0
    source = TUNED if target else BODY
    loaded = AutoModel.from_pretrained(folder, add_pooling_layer=False).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    own = states(loaded, tokenizer)
    torch.testing.assert_close(own, states(load_body(source).eval(), load_tokenizer(source)))
    model, _ = load_model(folder)
    assert list(model.heads) == ["mnli"]
    expected, _ = load_model(source)
    for name, weights in expected.state_dict().items():
        assert torch.equal(model.state_dict()[name], weights), name
    assert {path.name for path in folder.iterdir()} >= {"model.safetensors", "training.json"}
    assert not (folder / "steps.csv").exists()


@pytest.mark.parametrize("name", ["mini-encoder", "mini-encdec", "mini-decoder"])
def test_every_shipped_model_loads_after_its_export(project, tmp_path, name):
    board = read_json(RESULTS)
    board["best"] = {"model": "mini", "recipe": "none", "seed": 0}
    write_json(RESULTS, board)
    shutil.copytree(SHIPPED / name, project / "models/backbone/mini")
    folder = tmp_path / "out"
    export_model(folder, "made-up")
    loaded, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    expected = load_body(SHIPPED / name).state_dict()
    assert all(torch.equal(loaded.state_dict()[key], expected[key]) for key in expected)
    assert tokenizer("the dog").input_ids == load_tokenizer(SHIPPED / name)("the dog").input_ids
    assert not (folder / "MANIFEST.json").exists()
    assert "AutoModel.from_pretrained" in (folder / "README.md").read_text()
    assert ("add_pooling_layer" in (folder / "README.md").read_text()) == (name == "mini-encoder")


@pytest.mark.usefixtures("project")
def test_the_card_is_one_that_the_hub_reads(tmp_path):
    for target in (None, "xnli"):
        folder = tmp_path / str(target)
        export_model(folder, "made-up", target)
        card = ModelCard.load(folder / "README.md")
        results = card.data.eval_results
        assert [own.dataset_name for own in results] == ([target] if target else list(TARGETS))
        board = read_json(RESULTS)
        record = next(own for own in board["summary"] if own["recipe"] == "mnli")
        for own in results:
            expected = record["tasks"][own.dataset_name]["value"]
            assert own.metric_value == pytest.approx(expected, abs=0.005)
        assert card.data.library_name == "transformers"
        assert card.data.license
        assert "head.safetensors" in card.text
        assert "trained on mnli" in card.text
        assert ("| mnli | intermediate training, fine-tuning |" in card.text) == bool(target)
        assert "| xnli |" in card.text.partition("## Data")[0]
        assert "| xnli |" not in card.text.partition("## Data")[2]  # it was only tested on that
    assert "fine-tuned in English on mnli, for xnli" in card.text
    export_model(tmp_path / "tatoeba", "made-up", "tatoeba")
    card = ModelCard.load(tmp_path / "tatoeba" / "README.md")
    assert "which is scored on tatoeba as it is, without fine-tuning" in card.text


def complaint(**options) -> str:
    with pytest.raises(UserError) as raised:
        export_model(Path("out"), **({"study": "made-up"} | options))
    assert not Path("out").exists()
    return str(raised.value)


@pytest.mark.usefixtures("project")
def test_what_keeps_a_model_from_being_exported_is_said():
    assert complaint(study="other").startswith("results/other/scores.json is missing")
    assert "unknown target 'xnlu': did you mean xnli?" in complaint(target="xnlu")
    (BODY / "model.safetensors").unlink()
    (evaluations(Path()) / "mini-mnli-xnli-0" / "scores.json").unlink()
    assert [line.split(" is ")[0] for line in complaint().splitlines()] == [
        "evaluations/made-up/mini-mnli-xnli-0/scores.json",
        "models/intermediate/mini-mnli-0/model.safetensors",
    ]


@pytest.mark.usefixtures("project")
def test_a_model_that_was_trained_again_is_not_taken_for_the_one_with_the_scores():
    for folder, target in ((BODY, None), (TUNED, "xnli")):
        training = read_json(folder / "training.json")
        write_json(folder / "training.json", training | {"seconds": 99.0})
        assert f"{folder} was trained at another time than the model" in complaint(target=target)


@pytest.mark.usefixtures("project")
def test_params_of_another_study_are_not_taken_for_this_one():
    text = Path("params.yaml").read_text().replace("name: made-up", "name: other")
    Path("params.yaml").write_text(text)
    assert "params.yaml is of the study other: bring the models of made-up back" in complaint()


@pytest.mark.usefixtures("project")
def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "kept.txt").write_text("mine")
    with pytest.raises(UserError, match="is there and not empty: name a new folder"):
        export_model(tmp_path, "made-up")
    assert (tmp_path / "kept.txt").read_text() == "mine"


@pytest.mark.usefixtures("project")
def test_a_partial_study_without_a_best_run_has_no_model_to_export():
    board = read_json(RESULTS)
    Path(RESULTS).write_text(json.dumps(board | {"best": None}))
    assert "No run of made-up has an average" in complaint()
