"""`xstilts compile`: the pipeline as a file for Kubeflow, or as resources for GitOps."""

import argparse
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from kfp.compiler import Compiler
from kfp.compiler.compiler_utils import KubernetesManifestOptions

from components.images import LOCK, pinned, read_lock
from components.plan.studies import read_study
from pipelines import ir
from pipelines.graph import PARALLELISM, RETRIES, pipeline, pipeline_name
from pipelines.placement import flavours
from pipelines.pools import DEVICES, POOLS, Pool, ordered, read_pools
from pipelines.revision import code_revision
from xstilts.errors import USER_ERROR_EXIT_CODE, UserError, complain, raise_if_any
from xstilts.files import write_text

ROOT = Path(__file__).parents[1]
STUDIES = ROOT / "pipelines" / "studies"
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class Build:
    """What a pipeline is compiled from: for the first pool, with the images by flavour."""

    images: dict[str, str]
    pools: tuple[Pool, ...]
    study: str = ""
    parallelism: int = PARALLELISM
    retries: int = RETRIES
    nodes: int = 1  # that train a model together

    @property
    def device(self) -> str:
        """What trains: what the first pool has; cuda where pools could not be read."""
        return self.pools[0].device if self.pools else DEVICES[0]

    @property
    def name(self) -> str:
        """What Kubeflow knows the pipeline by."""
        return pipeline_name(self.device, self.nodes)


def main(arguments: Sequence[str] | None = None) -> int:
    """Compile as the command line says; 2 for mistakes of the user's, each on its line."""
    options = _parser().parse_args(arguments)
    try:
        text = _text(options)
        if options.output:
            write_text(options.output, text)
        else:
            sys.stdout.write(text)
    except UserError as error:
        return complain(error)
    except OSError as error:
        print(f"error: cannot write {options.output}: {error.strerror}.", file=sys.stderr)
        return USER_ERROR_EXIT_CODE
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="xstilts compile", description="Compile the pipeline for Kubeflow."
    )
    add_build_options(parser, "the study that a run gets when it names none")
    parser.add_argument(
        "--format",
        choices=("ir", "resources"),
        default="ir",
        help="KFP's file (default), or Kubernetes resources Pipeline and PipelineVersion",
    )
    parser.add_argument("--namespace", help="namespace of the resources (default: kubectl's)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="default: standard output")
    return parser


def add_build_options(parser: argparse.ArgumentParser, study: str) -> None:
    """Add the options that `read_build` reads; `study` says what the study is for."""
    parser.add_argument("study", nargs="?", default="", metavar="STUDY", help=study)
    parser.add_argument(
        "--pool",
        default="",
        metavar="NAME",
        help="nodes that train (default: the device's first)",
    )
    parser.add_argument(
        "--device", choices=DEVICES, default="", help="what trains (default: the pool's, or cuda)"
    )
    parser.add_argument(
        "--pools", type=Path, default=POOLS, metavar="FILE", help="default: k8s/pools.yaml"
    )
    parser.add_argument(
        "--images",
        type=Path,
        default=LOCK,
        metavar="FILE",
        help="the images by digest (default: components/images.lock)",
    )
    parser.add_argument(
        "--dev",
        action="store_true",
        help="allow images by tag, and take xstilts:cpu and xstilts:cuda where FILE has none",
    )
    parser.add_argument(
        "--parallelism",
        type=_positive,
        default=PARALLELISM,
        metavar="N",
        help="pods of each loop at the same time (default: %(default)s)",
    )
    parser.add_argument(
        "--retries",
        type=_count,
        default=RETRIES,
        metavar="N",
        help="how often a failed pod is started again (default: %(default)s)",
    )
    parser.add_argument(
        "--nodes",
        type=_positive,
        default=1,
        metavar="N",
        help="nodes that train a model together, by Kubeflow Trainer (default: %(default)s)",
    )


def read_build(options: argparse.Namespace, problems: list[str]) -> Build:
    """What to compile; mistakes go to `problems`, and then it is not to be used."""
    pools: tuple[Pool, ...] = ()
    try:
        pools = ordered(read_pools(options.pools), options.pool, options.device)
    except UserError as error:
        problems += error.problems
    device = pools[0].device if pools else options.device or DEVICES[0]
    images = _images(options, device, problems)
    counts = (options.parallelism, options.retries, options.nodes)
    return Build(images, pools, options.study, *counts)


def _images(options: argparse.Namespace, device: str, problems: list[str]) -> dict[str, str]:
    """Flavour -> reference, with all that a pipeline for the device needs."""
    found: dict[str, str] = {}
    try:
        found = read_lock(options.images)
    except UserError as error:
        problems += error.problems
    else:
        for flavour in flavours(device):
            if options.dev:
                found.setdefault(flavour, f"xstilts:{flavour}")
                continue
            try:
                pinned(found, flavour)
            except UserError as error:
                problems += error.problems
    return found


def compile_ir(build: Build) -> tuple[dict[str, Any], dict[str, Any]]:
    """The pipeline's specification, and its Kubernetes part."""
    specification, platform = _documents(_compiled(build))
    return specification, platform


def _text(options: argparse.Namespace) -> str:
    problems: list[str] = []
    build = read_build(options, problems)
    if options.study:
        try:
            read_study(options.study, "", "", STUDIES)
        except UserError as error:
            problems += error.problems
    if options.format == "ir":
        if options.namespace is not None:
            problems.append("--namespace goes with --format resources only.")
        raise_if_any(problems)
        text = _compiled(build)
        _check(build, *_documents(text))
        return text
    revision = _revision(options, problems)
    raise_if_any(problems)
    return compile_resources(build, revision, options.namespace)


def compile_resources(build: Build, revision: str, namespace: str | None) -> str:
    """The Kubernetes resources `Pipeline` and `PipelineVersion`, two documents of YAML.

    A version is immutable, so it has the name of the `revision` of the code.
    """
    name = build.name
    text = _compiled(
        build,
        KubernetesManifestOptions(
            pipeline_name=name,
            pipeline_version_name=f"{name}-{revision}",
            pipeline_version_display_name=revision,
            namespace=namespace,
            include_pipeline_manifest=True,
        ),
    )
    _pipeline, found = _documents(text)
    _check(build, found["spec"]["pipelineSpec"], found["spec"]["platformSpec"])
    return text


def _revision(options: argparse.Namespace, problems: list[str]) -> str:
    """What a version is called after; mistakes go to `problems`."""
    if options.namespace is not None and not _NAMESPACE.fullmatch(options.namespace):
        problems.append(f"--namespace {options.namespace!r} is no name of a namespace.")
    code = code_revision(ROOT)
    found = code.problems()
    if not options.dev:
        problems += [f"a version of the pipeline is called after its commit: {text}"
                     for text in found]  # fmt: skip
    return (code.short or "unknown") + ("-dirty" if found else "")


def _compiled(build: Build, names: KubernetesManifestOptions | None = None) -> str:
    # KFP walks the stack of calls for most of what a task is told, and looks at all modules for
    # each frame that has no file: in a thread the stack is short, and has no such frame.
    with ThreadPoolExecutor(1) as alone:
        return alone.submit(_compile, build, names).result()


def _compile(build: Build, names: KubernetesManifestOptions | None) -> str:
    graph = pipeline(
        build.images,
        build.pools,
        study=build.study,
        parallelism=build.parallelism,
        retries=build.retries,
        nodes=build.nodes,
    )
    with tempfile.TemporaryDirectory(prefix="xstilts-") as folder:
        path = Path(folder) / "pipeline.yaml"
        Compiler().compile(
            graph,
            str(path),
            kubernetes_manifest_format=names is not None,
            kubernetes_manifest_options=names,
        )
        return path.read_text(encoding="utf-8")


def _documents(text: str) -> Iterator[Any]:
    """The documents of YAML, by libyaml where it is there: ten times faster."""
    return yaml.load_all(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _check(build: Build, specification: dict[str, Any], platform: dict[str, Any]) -> None:
    """Raise if a compiled pipeline does not hold together, or runs other images."""
    foreign = ir.images(specification) - set(build.images.values())
    wrong = [f"it runs {image}, which it was not given" for image in sorted(foreign)]
    wrong += ir.problems(specification, platform)
    if wrong:
        raise RuntimeError("the compiled pipeline is broken: " + "; ".join(wrong))


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of pods; give 1 or more")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of retries; give 0 or more")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
