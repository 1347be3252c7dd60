"""A pipeline of shell scripts with the form of ours, run as `pipelines.local` runs a study.

    python tiny_pipeline.py IMAGE FOLDER [STAGE=SCRIPT ...]

A task writes its outputs, loops take other tasks' outputs, one loop has no items. SCRIPT is
what the stages A and B of the second loop run instead of nothing. Prints KFP's failure, and
how each container ended. FOLDER is kept.
"""

import json
import sys
from pathlib import Path

from kfp import dsl

from pipelines.local import engine
from pipelines.local.__main__ import show
from pipelines.local.containers import Containers, settings
from pipelines.local.runner import end_on_signal, execute

IMAGE, FOLDER, *SCRIPTS = sys.argv[1:]
_PLAN = """\
mkdir -p $(dirname $0)
printf s3://the-run > $0
echo '[{"finetune": "A", "evaluate": "A1 A2"}, {"finetune": "B", "evaluate": "B1"}]' > $1
echo '[]' > $2
"""
_STAGE = 'mkdir -p $(dirname $2); sh -c "$3" "$0" || exit $?; printf "$0 of $1" > $2'


@dsl.container_component
def plan(run: dsl.OutputPath(str), trained: dsl.OutputPath(list), idle: dsl.OutputPath(list)):
    return dsl.ContainerSpec(image=IMAGE, command=["sh", "-c", _PLAN, run, trained, idle])


@dsl.container_component
def stage(stages: str, run: str, script: str, receipt: dsl.OutputPath(str)):
    return dsl.ContainerSpec(
        image=IMAGE, command=["sh", "-c", _STAGE, stages, run, receipt, script]
    )


@dsl.container_component
def publish(receipts: list, idle: list):
    return dsl.ContainerSpec(image=IMAGE, command=["echo", "published", receipts, idle])


@dsl.container_component
def finish(study: str):
    return dsl.ContainerSpec(image=IMAGE, command=["echo", "finished", study])


@dsl.pipeline
def tiny(study: str, script: str = "true"):
    with dsl.ExitHandler(finish(study=study)):
        planned = plan()
        run = planned.outputs["run"]
        with dsl.ParallelFor(planned.outputs["idle"]) as item:
            idle = stage(stages=item, run=run, script=script)
        with dsl.ParallelFor(planned.outputs["trained"]) as item:
            trained = stage(stages=item.finetune, run=run, script=script)
            evaluated = stage(stages=item.evaluate, run=run, script="true").after(trained)
        receipts = dsl.Collected(evaluated.outputs["receipt"])
        publish(receipts=receipts, idle=dsl.Collected(idle.outputs["receipt"]))


def main() -> None:
    client = engine.connect()
    ids = engine.image_ids(client, [IMAGE])
    show(f"swept {len(engine.sweep(client, ids[IMAGE]))}")
    with engine.run_folder(Path(FOLDER)) as folder:
        containers = Containers(folder, ids, show)
        end_on_signal(containers, lambda: None, show)
        keywords = settings(folder, environment={}, loopback=False, memory=2**28)
        arguments = {"study": "tiny", "script": SCRIPTS[0] if SCRIPTS else "true"}
        failure = execute(tiny.pipeline_spec, arguments, "run-1", containers, keywords)
        codes = [ended.code for ended in containers.ended]
        show(json.dumps({"failure": failure, "codes": codes}))


if __name__ == "__main__":
    main()
