"""`xstilts release`: what a cluster gets of a commit, as files for `kubectl apply` or Argo CD.

The files follow from the commit and its `components/images.lock` alone: whoever renders them,
wherever and whenever, gets the same bytes.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from components.images import FLAVOURS, LOCK, pinned, read_lock, read_revision
from pipelines.compile import ROOT, Build, compile_resources
from pipelines.overlays import OVERLAYS
from pipelines.placement import flavours
from pipelines.pools import Pool, ordered, read_pools
from pipelines.release.files import MARK, write_release
from pipelines.release.overlay import Overlay, read_overlay
from pipelines.revision import SHORT, Revision, code_revision
from pipelines.schedule.file import Schedule, read_schedules
from xstilts.errors import USER_ERROR_EXIT_CODE, UserError, complain, raise_if_any

# What the bytes of a release depend on beside the commit
_TOOLS = ("kfp", "kfp-kubernetes", "kfp-pipeline-spec", "pyyaml")


@dataclass(frozen=True)
class Source:
    """What a release is rendered from, found to be right; `flavours` are those of the images."""

    revision: Revision
    flavours: tuple[str, ...]
    overlays: tuple[Overlay, ...]
    schedules: tuple[Schedule, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    """Render a release as the command line says; 2 for mistakes of the user's, each on its line."""
    options = _parser().parse_args(arguments)
    try:
        if options.check:
            source = read_source(options.check)
            raise_if_any(
                f"the image {flavour} is needed, too: steps that run no model have it."
                for flavour in flavours("cpu")
                if flavour not in options.check
            )
            print(f"{source.revision.commit} can be released with images for "
                  f"{' and '.join(source.flavours)}.")  # fmt: skip
        else:
            render(options.output)
    except UserError as error:
        return complain(error)
    except OSError as error:
        print(f"error: cannot write {options.output}: {error.strerror}.", file=sys.stderr)
        return USER_ERROR_EXIT_CODE
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="xstilts release",
        description="Write what clusters get of this commit: the overlays, and the pipelines, with "
        "the images of components/images.lock (docs/releases.md).",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=ROOT / "release",
        metavar="FOLDER",
        help="a new or empty folder, or that of an older release (default: release)",
    )
    parser.add_argument(
        "--check",
        nargs="+",
        choices=FLAVOURS,
        metavar="FLAVOUR",
        help="write nothing: say what would stop a release with images of these flavours, before "
        "they are built",
    )
    return parser


def render(output: Path) -> None:
    """Write the release of this commit to `output`, in place of an older one.

    Raises `UserError` with everything that is wrong; then nothing is written.
    """
    problems = _output_problems(output)
    images: dict[str, str] = {}
    source: Source | None = None
    try:
        images = read_lock()
    except UserError as error:
        problems += error.problems
    try:
        source = read_source(tuple(images))
    except UserError as error:
        problems += error.problems
    revision = code_revision(ROOT) if source is None else source.revision
    problems += _lock_problems(images, revision)
    raise_if_any(problems)
    assert source is not None  # else there were problems
    compiled = {overlay.name: _pipelines(overlay, source, images) for overlay in source.overlays}
    write_release(output, source.revision.commit, images, source.overlays, source.schedules,
                  compiled)  # fmt: skip
    for overlay in source.overlays:
        print(f"{output / overlay.name}: {', '.join(compiled[overlay.name])}, for the namespace "
              f"{overlay.namespace}")  # fmt: skip


def read_source(images: Sequence[str]) -> Source:
    """What a release with images of these flavours is made of.

    Raises `UserError` with everything that is wrong with the clone, the tools, and k8s/.
    """
    revision = code_revision(ROOT)
    problems = revision.problems() + _tool_problems()
    pools: dict[str, Pool] = {}
    schedules: list[Schedule] = []
    try:
        pools = read_pools()
        schedules = read_schedules([])
    except UserError as error:
        problems += error.problems
    overlays = _overlays(pools, problems)
    problems += _schedule_problems(schedules, overlays, images)
    raise_if_any(problems)
    return Source(revision, tuple(images), tuple(overlays), tuple(schedules))


def _overlays(pools: dict[str, Pool], problems: list[str]) -> list[Overlay]:
    found = []
    for folder in sorted(OVERLAYS.iterdir()):
        try:
            found.append(read_overlay(folder, pools))
        except UserError as error:
            problems += [text for text in error.problems if text not in problems]
    return found


def _pipelines(overlay: Overlay, source: Source, images: dict[str, str]) -> dict[str, str]:
    """The pipelines of an overlay by name: for each device, if it has pools and images for it."""
    found = {}
    for device in dict.fromkeys(pool.device for pool in overlay.pools.values()):
        if set(flavours(device)) <= set(images):
            build = Build(images, ordered(overlay.pools, device=device))
            found[build.name] = compile_resources(build, source.revision.short, overlay.namespace)
    return found


def _lock_problems(images: dict[str, str], revision: Revision) -> list[str]:
    """What is wrong with the images: none for the steps, tags, or of other code than this."""
    problems: list[str] = []
    for flavour in dict.fromkeys((*flavours("cpu"), *images)):
        try:
            pinned(images, flavour)
        except UserError as error:
            problems += error.problems
    if images and revision.commit and (built := read_revision(LOCK)) != revision.commit:
        of = f"were built from {built[:SHORT]}" if built else "do not say what they were built from"
        problems.append(
            f"the images of components/images.lock {of}, and the code is {revision.short}: "
            "run `make release REGISTRY=host/folder` at this commit."
        )
    return problems


def _schedule_problems(
    schedules: Iterable[Schedule], overlays: Sequence[Overlay], images: Sequence[str]
) -> list[str]:
    """Schedules that no overlay can run, or that have no image."""
    problems = []
    for schedule in schedules:
        pool = schedule.pool
        if overlays and not any(pool.name in overlay.pools for overlay in overlays):
            problems.append(
                f"{schedule.file}: no overlay has a queue for the pool {pool.name}: take another "
                "pool, or add its queue to an overlay."
            )
        problems += [
            f"{schedule.file}: the pool {pool.name} needs the image {flavour}, which is not to be "
            f"released: build it, too, or take another pool."
            for flavour in flavours(pool.device)
            if images and flavour not in images
        ]
    return problems


def _output_problems(output: Path) -> list[str]:
    if not output.exists() or (output / MARK).is_file():
        return []
    if output.is_dir() and not any(output.iterdir()):
        return []
    return [f"--output {output} is there and is no release: a release would replace all of it."]


def _tool_problems() -> list[str]:
    """Libraries whose versions are not those of constraints.txt: others write other bytes."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").lower().splitlines()
    wanted = dict(line.split("==") for line in lines if "==" in line)
    problems = []
    for name in _TOOLS:
        try:
            found = version(name)
        except PackageNotFoundError:
            found = "not installed"
        if found != wanted[name]:
            problems.append(
                f"{name} is {found}, and constraints.txt says {wanted[name]}: releases of one "
                "commit would differ. Install it with pip's --constraint constraints.txt."
            )
    return problems


if __name__ == "__main__":
    sys.exit(main())
