"""One of the processes of `test_zero`: every ZeRO stage on the same steps.

Run by torchrun, or alone. Arguments: the folder for `<run>/steps.csv`; the kind of body, and
which of `RUNS`, if not the encoder's stages.
"""

import sys
from pathlib import Path

import torch
from tiny_bodies import model_of, tokenizer_for
from tiny_models import pair_task, tag_task, text_task
from tiny_rows import pair_rows, tag_rows, text_rows

from xstilts.evaluation.score import score
from xstilts.files import write_json
from xstilts.process import leave
from xstilts.tasks.formats import format_of
from xstilts.tasks.record import Task
from xstilts.training import engine
from xstilts.training.config import TrainConfig
from xstilts.training.engine import disconnect
from xstilts.training.loop import TrainingSet, train

STAGES = (0, 1, 2, 3)
STEPS = 12
_LORA = {"lora_rank": 4, "learning_rate": 1e-2}
RUNS = {
    "stages": {str(stage): {"zero_stage": stage} for stage in STAGES},
    "offload": {
        "0": {"zero_stage": 0},
        "2": {"zero_stage": 2, "offload": "optimizer"},
        "3": {"zero_stage": 3, "offload": "parameters"},
    },
    "adapters": {
        "0": {"zero_stage": 0, **_LORA},
        "1": {"zero_stage": 1, **_LORA},
        "2": {"zero_stage": 2, "offload": "optimizer", **_LORA},
        "3": {"zero_stage": 3, "offload": "parameters", **_LORA},
    },
}


def mixture(kind: str) -> dict[str, TrainingSet]:
    """Two or three formats, so that heads are idle often; batches that do not divide by two."""
    sets = {
        "pairs": _set(kind, pair_task(), pair_rows(45), pair_rows(9, seed=1)),
        "tags": _set(kind, tag_task(max_length=16), tag_rows(45), tag_rows(9, seed=1)),
    }
    if kind == "encoder":
        sets["words"] = _set(kind, text_task(), text_rows(45), [])
    return sets


def _set(kind: str, task: Task, rows: list, dev: list) -> TrainingSet:
    encode, tokenizer = format_of(task).encode, tokenizer_for(kind)
    return TrainingSet(
        task,
        encode(rows, tokenizer, task, train=True),
        dev,
        encode(dev, tokenizer, task, train=False) if dev else [],
    )


def main(folder: Path, kind: str = "encoder", runs: str = "stages") -> None:
    usual = engine._deepspeed_config

    def partitions_everything(config: TrainConfig) -> dict:
        # by default stage 3 leaves parameters as small as these whole
        made = usual(config)
        made["zero_optimization"]["stage3_param_persistence_threshold"] = 0
        return made

    engine._deepspeed_config = partitions_everything
    rank, _ = engine.connect()
    for name, settings in RUNS[runs].items():
        data = mixture(kind)
        output = folder / name
        if rank == 0:
            output.mkdir(parents=True)
        usual_settings = {
            "learning_rate": 2e-3, "epochs": 9, "batch_size": 7, "max_steps": STEPS,
            "accumulation": 2, "evals": 3, "warmup": 0.2,
        }  # fmt: skip
        config = TrainConfig(**usual_settings | settings)
        trained = train(
            model_of(kind, *(part.task for part in data.values())),
            data,
            config,
            output,
            pad_id=tokenizer_for(kind).pad_token_id,
            dev_score=lambda task, found, rows: score(task, "en", found, rows).value,
        )
        if rank == 0:
            torch.save(trained.weights, output / "weights.pt")
            write_json(output / "summary.json", trained.summary)
    disconnect()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
    leave(0)
