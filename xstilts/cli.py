"""The command `xstilts`. Whatever is slow to import is imported by the command that needs it."""

import argparse
import importlib.util
import os
import sys
from pathlib import Path
from typing import NoReturn

from xstilts import __version__
from xstilts.cli_arguments import Commands, add_actions, add_command, add_study, count, named
from xstilts.cli_results import add_results
from xstilts.errors import UserError, complain
from xstilts.study.devices import DEVICES

# Commands that are modules of `pipelines`, which the library does not know: see `_hand_over`
HANDED_OVER = {
    "compile": "compile the pipeline for Kubeflow",
    "submit": "run a study on Kubeflow",
    "schedule": "runs that Kubeflow starts by itself",
    "release": "write what clusters get of this commit",
}
PATHS = ("mirror", "path", "folder")  # options that are paths, seen from where the user is


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit code (2 for a mistake of the user's)."""
    words = sys.argv[1:] if arguments is None else arguments
    handed_over = words[:1] and (words[0] in HANDED_OVER or _of_a_cluster(words))
    options = argparse.Namespace() if handed_over else _parser().parse_args(words)
    try:
        root = _root()
        if handed_over:
            _hand_over(root, words[0], words[1:])
        for name in PATHS:
            if (path := getattr(options, name, None)) and not Path(path).is_absolute():
                setattr(options, name, os.path.relpath(path, root))
        os.chdir(root)
        code: int = options.command(options)
    except UserError as error:
        return complain(error)
    except KeyboardInterrupt:
        return 130
    return code


def _of_a_cluster(words: list[str]) -> bool:
    """Whether the doctor is asked about a cluster: alone, it looks at this machine."""
    return words[0] == "doctor" and words[1:] not in ([], ["-h"], ["--help"])


def _root() -> Path:
    """The project's folder: the nearest one above that holds dvc.yaml and the studies."""
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (folder / "dvc.yaml").is_file() and (folder / "pipelines/studies").is_dir():
            return folder
    raise UserError(f"{Path.cwd()} is in no clone of xstilts: no dvc.yaml in it or above it.")


def _hand_over(root: Path, command: str, words: list[str]) -> NoReturn:
    """Become `python -m pipelines.COMMAND`, of this clone; raises if Kubeflow's SDK is missing."""
    if importlib.util.find_spec("kfp") is None:
        raise UserError(
            f"xstilts {command} needs Kubeflow's SDK, which is not installed: "
            f"pip install --editable '{root}[kubeflow]'."
        )
    path = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH"))))
    program = [sys.executable, "-P", "-m", f"pipelines.{command}", *words]
    os.execve(sys.executable, program, os.environ | {"PYTHONPATH": path})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="xstilts", description="Intermediate-task training studies on XTREME."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = add_command(commands, "run", _run, "run a study until all its stages are up to date")
    run.add_argument(
        "--jobs", type=count("stages"), metavar="N", help="stages side by side (default: cores)"
    )
    plan = add_command(commands, "plan", _plan, "show a study's stages, and which have to run")
    actions = add_actions(commands, "study", "the studies of this project")
    add_command(actions, "list", _study_list, "list the studies")
    show = add_command(actions, "show", _study_show, "show what a study compares")
    use = add_command(actions, "use", _study_use, "write a study to params.yaml")
    add_results(commands)
    doctor = add_command(commands, "doctor", _doctor, "check what a study needs on this machine")
    doctor.usage = "xstilts doctor [-h] | --overlay NAME … | --cluster …"
    doctor.epilog = (
        "With --overlay or --cluster: check what runs on a Kubernetes cluster will lack; "
        "`xstilts doctor --cluster --help` says more."
    )
    _add_data(commands)
    _add_store(commands)
    for command in (run, plan, show, use):
        add_study(command)
    plan.add_argument(
        "--device",
        choices=tuple(DEVICES),
        help="explain what fits into the memory of one of these, at which ZeRO stage",
    )
    for name, text in HANDED_OVER.items():
        commands.add_parser(name, help=text)
    return parser


def _add_data(commands: Commands) -> None:
    actions = add_actions(commands, "data", "the data sets of a study, and the table of tasks")
    stats = add_command(actions, "stats", _data_stats, "sizes, lengths, labels, sub-words per word")
    stats.add_argument("--json", action="store_true", help="everything, by language, as JSON")
    stats.add_argument("--model", metavar="NAME", help="whose sub-words (default: the first)")
    check = add_command(actions, "check", _data_check, "check every record against its source")
    check.add_argument(
        "--rows", type=count("rows"), metavar="N", help="read no more rows of a split"
    )
    lock = add_command(actions, "lock", _data_lock, "write down the commits of a study's data sets")
    for command in (stats, check, lock):
        command.add_argument("study", nargs="?", help="default: the one in params.yaml")
    stats.add_argument("--mirror", metavar="FOLDER", help="a folder laid out like the hub")
    check.add_argument(
        "--mirror",
        metavar="FOLDER",
        help="a folder laid out like the hub; without a study, the whole table is checked",
    )
    table = add_command(actions, "table", _data_table, "the table of tasks, as Markdown")
    table.add_argument("--output", metavar="FILE", help="write it there")


def _add_store(commands: Commands) -> None:
    actions = add_actions(commands, "store", "the S3 store that laptop and cluster share")
    use = add_command(actions, "use", _store_use, "check a store and use it from this clone")
    use.add_argument("url", metavar="S3_URL", help="s3://BUCKET/PREFIX")
    check = add_command(actions, "check", _store_check, "check that the store can be used")
    check.add_argument("url", nargs="?", metavar="S3_URL", help="default: this clone's store")
    for command in (use, check):
        command.add_argument("--endpoint", metavar="URL", help="S3 server (default: Amazon's)")
        command.add_argument("--region", help="region of the bucket, where the server has any")
        command.add_argument("--profile", help="profile of ~/.aws with the access key")
    add_command(actions, "push", _store_push, "upload what this clone has finished")
    restore = add_command(
        actions, "restore", _store_restore, "take over the lock of a published run"
    )
    restore.add_argument("study", nargs="?", help="name of a study (default: the only one)")
    restore.add_argument("--run", metavar="ID", help="a run (default: the newest published)")


def _run(options: argparse.Namespace) -> int:
    from xstilts.study import commands

    return commands.run_study(named(options), options.mirror, options.from_scratch, options.jobs)


def _plan(options: argparse.Namespace) -> int:
    from xstilts.study import commands

    return commands.show_plan(named(options), options.mirror, options.from_scratch, options.device)


def _study_list(_options: argparse.Namespace) -> int:
    from xstilts.study import commands

    return commands.list_studies()


def _study_show(options: argparse.Namespace) -> int:
    from xstilts.study import commands

    return commands.show_study(named(options), options.mirror, options.from_scratch)


def _study_use(options: argparse.Namespace) -> int:
    from xstilts.study import commands

    return commands.use_study(named(options), options.mirror, options.from_scratch)


def _doctor(_options: argparse.Namespace) -> int:
    from xstilts.study.doctor import report

    return report()


def _data_stats(options: argparse.Namespace) -> int:
    from xstilts.data import commands

    return commands.show_stats(options.study, options.mirror, options.model, as_json=options.json)


def _data_check(options: argparse.Namespace) -> int:
    from xstilts.data import commands

    return commands.check_data(options.study, options.mirror, options.rows)


def _data_lock(options: argparse.Namespace) -> int:
    from xstilts.data import commands

    return commands.lock_data(options.study)


def _data_table(options: argparse.Namespace) -> int:
    from xstilts.data import commands

    return commands.show_table(options.output)


def _store_use(options: argparse.Namespace) -> int:
    from xstilts.store import commands

    return commands.use_store(options.url, options.endpoint, options.region, options.profile)


def _store_check(options: argparse.Namespace) -> int:
    from xstilts.store import commands

    return commands.check_store(options.url, options.endpoint, options.region, options.profile)


def _store_push(_options: argparse.Namespace) -> int:
    from xstilts.store import commands

    return commands.push_results()


def _store_restore(options: argparse.Namespace) -> int:
    from xstilts.store import commands

    return commands.restore_run(options.study, options.run)


if __name__ == "__main__":
    sys.exit(main())
