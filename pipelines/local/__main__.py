"""`python -m pipelines.local STUDY --s3-url …`: the whole pipeline in containers on this machine.

KFP's own local runner walks the compiled pipeline; every step runs in a container, as on a
cluster: not as root, with a read-only root file system, data and models through S3 only.
"""

import argparse
import os
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components.plan.studies import study_name
from pipelines.data import in_clone
from pipelines.graph import pipeline
from pipelines.local import engine
from pipelines.local.containers import Containers, Ended, is_loopback, settings
from pipelines.local.runner import end_on_signal, execute
from pipelines.pools import ordered, read_pools
from pipelines.summary import summarise
from xstilts.errors import UserError, complain, raise_if_any
from xstilts.files import write_json
from xstilts.store.fragments import read_receipts, run_folder
from xstilts.store.location import Location, parse
from xstilts.store.tracked import Revisions

IMAGE = "xstilts:cpu"
_SIDE_BY_SIDE = 2  # KFP's local runner does no more, whatever a loop asks for
_MEMORY = 0.45  # of the machine, for each of them


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a study's pipeline; returns the exit code (2 for a mistake of the user's).

    One run per process: KFP's local runner is not made for a second one.
    """
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except UserError as error:
        return complain(error)
    except KeyboardInterrupt:
        return 130  # before a container was started; later, see `end_on_signal`


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.local",
        description="Run a study's pipeline in containers on this machine's Docker engine. "
        "Credentials for S3 come from the environment or from a profile.",
    )
    parser.add_argument(
        "study", type=_study, help="name of a study in the image, or a file with one"
    )
    parser.add_argument("--s3-url", required=True, metavar="URL", help="s3://BUCKET/PREFIX")
    parser.add_argument(
        "--s3-endpoint",
        metavar="URL",
        default=os.environ.get("AWS_ENDPOINT_URL"),
        help="address of the S3 server, if it is not AWS (default: AWS_ENDPOINT_URL)",
    )
    parser.add_argument("--s3-region", metavar="REGION", help="region of the bucket")
    parser.add_argument("--image", default=IMAGE, help="image to run (default: %(default)s)")
    parser.add_argument("--seeds", default="", help="seeds instead of the study's, such as 0,1")
    parser.add_argument("--models", default="", help="models instead of the study's")
    parser.add_argument(
        "--champion", metavar="NAME", default="", help="challenge the champion of that name"
    )
    parser.add_argument(
        "--keep",
        metavar="FOLDER",
        type=Path,
        help="keep KFP's outputs, the containers' logs and their times in this new folder",
    )
    return parser


def _study(text: str) -> str:
    """A study's name, or the text of the file that `text` names."""
    if not text.endswith((".yaml", ".yml")):
        return text
    try:
        return Path(text).read_text(encoding="utf-8")
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text} cannot be read: {error}") from error


def _run(options: argparse.Namespace) -> int:
    store = parse(options.s3_url, endpoint=options.s3_endpoint, region=options.s3_region)
    problems: list[str] = []
    data = in_clone(options.study, problems)
    raise_if_any(problems)
    client = engine.connect()
    images = engine.image_ids(client, [options.image])
    image = images[options.image]
    for name in engine.sweep(client, image):
        show(f"removed the container {name}, left by a run that was killed")
    run = str(uuid.uuid4())
    address = run_folder(store, study_name(options.study) or "unnamed", run)
    with engine.run_folder(options.keep) as folder:

        def clear() -> None:
            if options.keep is None:
                engine.remove_folder(client, folder, image)

        containers = Containers(folder, images, show)
        end_on_signal(containers, clear, show)
        keywords = settings(
            folder,
            environment=_environment(store, image),
            loopback=is_loopback(store.endpoint),
            memory=int(_MEMORY * client.info()["MemTotal"]),
        )
        show(f"Run: {address.url}")
        pools = ordered(read_pools(), device="cpu")
        try:
            spec = pipeline({"cpu": options.image}, pools, retries=0).pipeline_spec
            failure = execute(spec, _arguments(options, store, data), run, containers, keywords)
            planned = any(c.title == "plan" and c.code == 0 for c in containers.ended)
            receipts = read_receipts(address) if planned else {}
            return summarise(failure, containers.ended, receipts, address, show)
        finally:
            if options.keep:
                _note(folder, containers.ended, address)
            clear()


def _note(folder: Path, ended: Sequence[Ended], run: Location) -> None:
    """Keep how long the containers took, each with the stages that were its task."""
    found = [
        {"title": c.title, "stages": c.stages, "code": c.code, "seconds": round(c.seconds, 3)}
        for c in ended
    ]
    write_json(folder / "containers.json", {"run": str(run), "containers": found})


def show(text: str) -> None:
    """Print a line at once. KFP changes `print` and `sys.stdout` while a pipeline runs."""
    assert sys.__stdout__ is not None
    sys.__stdout__.write(f"{text}\n")
    sys.__stdout__.flush()


def _arguments(options: argparse.Namespace, store: Location, data: Revisions) -> dict[str, Any]:
    return {
        "study": options.study,
        "seeds": options.seeds,
        "models": options.models,
        "data": dict(data),
        "champion": options.champion,
        "s3_url": store.url,
        "s3_endpoint": store.endpoint or "",
        "s3_region": store.region or "",
    }


def _environment(store: Location, image: str) -> dict[str, str]:
    """What containers get: the credentials that boto finds here, threads, and their image's id.

    A container has no profile and no folder ~/.aws, so what a profile says is looked up here.
    """
    threads = os.environ.get("OMP_NUM_THREADS") or max(1, (os.cpu_count() or 1) // _SIDE_BY_SIDE)
    return {
        "OMP_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": "PASSIVE",
        "XSTILTS_IMAGE_DIGEST": image,
        "XSTILTS_LOGS": "text",  # somebody reads along
        "XSTILTS_METRICS_PORT": "",  # containers may share the machine's ports
        **_credentials(store),
    }


def _credentials(store: Location) -> dict[str, str]:
    from botocore.exceptions import BotoCoreError
    from botocore.session import Session

    try:
        found = Session(profile=store.profile).get_credentials()
        if found is None:
            return {}  # the plan says so, with all else that is wrong
        keys = found.get_frozen_credentials()
    except BotoCoreError as error:
        raise UserError(
            f"no credentials for {store.url}: {error}; correct ~/.aws or the AWS_* variables."
        ) from error
    values = {
        "AWS_ACCESS_KEY_ID": keys.access_key,
        "AWS_SECRET_ACCESS_KEY": keys.secret_key,
        "AWS_SESSION_TOKEN": keys.token,
    }
    return {name: value for name, value in values.items() if value}


if __name__ == "__main__":
    sys.exit(main())
