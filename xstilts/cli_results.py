"""The commands for what a study found: report, publish, champion, submission, export, curves."""

import argparse
from pathlib import Path

from xstilts.cli_arguments import Commands, add_actions, add_command, add_profile, add_study, named


def add_results(commands: Commands) -> None:
    """Add the commands."""
    report = add_command(commands, "report", _report, "the answer of a published study, in words")
    publish = add_command(
        commands, "publish", _publish, "write a study's results, here and in a store"
    )
    report.add_argument("study", nargs="?", help="default: the one in params.yaml")
    add_profile(report)
    add_study(publish)
    _add_publish(publish)
    _add_champion(commands)
    actions = add_actions(commands, "submission", "files in the benchmark's official layout")
    check = add_command(actions, "check", _submission, "report all that the layout does not allow")
    check.add_argument("path", help="a folder or a zip file")
    check.add_argument("--study", metavar="NAME", help="its data, if they are here, are the gold")
    export = add_command(
        commands, "export", _export, "write the winning model for transformers' from_pretrained"
    )
    export.add_argument("folder", help="a new folder")
    export.add_argument("study", nargs="?", help="default: the one in params.yaml")
    add_profile(export)
    export.add_argument(
        "--target", metavar="TASK", help="the model that was fine-tuned for it (default: the body)"
    )
    curves = add_command(commands, "curves", _curves, "write the trainings for TensorBoard")
    curves.add_argument("folder", help="a new folder")


def _add_publish(publish: argparse.ArgumentParser) -> None:
    publish.add_argument(
        "--allow-partial",
        action="store_true",
        help="publish what is there as STUDY-partial, where evaluations are missing",
    )
    store = publish.add_argument_group("publishing to a store")
    store.add_argument("--to", metavar="S3_URL", help="s3://BUCKET/PREFIX, or: store (the clone's)")
    store.add_argument("--endpoint", metavar="URL", help="S3 server (default: Amazon's)")
    store.add_argument("--region", help="region of the bucket, where the server has any")
    store.add_argument("--s3-profile", metavar="NAME", help="profile of ~/.aws with the access key")
    store.add_argument("--run", metavar="ID", help="the run's id (default: follows from the files)")
    store.add_argument(
        "--champion", metavar="NAME", help="have the run challenge the champion of that name"
    )
    store.add_argument(
        "--dry-run", action="store_true", help="say what would be decided; write nothing there"
    )


def _add_champion(commands: Commands) -> None:
    actions = add_actions(commands, "champion", "the published run that others have to beat")
    show = add_command(actions, "show", _champion_show, "who is champion, since when and why")
    history = add_command(actions, "history", _champion_history, "all champions and candidates")
    rollback = add_command(actions, "rollback", _champion_rollback, "bring an earlier one back")
    show.add_argument("name", nargs="?", help="the champion's name (default: list the names)")
    for command in (history, rollback):
        command.add_argument("name", help="the champion's name")
    rollback.add_argument("--to", metavar="NUMBER", help="number in the history (default: before)")


def _report(options: argparse.Namespace) -> int:
    from xstilts.publish.show import show_report
    from xstilts.study.commands import current_study

    return show_report(named(options) or current_study())


def _publish(options: argparse.Namespace) -> int:
    from xstilts.publish.commands import Destination, publish_study

    destination = Destination(
        to=options.to,
        endpoint=options.endpoint,
        region=options.region,
        s3_profile=options.s3_profile,
        run=options.run,
        champion=options.champion,
        dry_run=options.dry_run,
    )
    return publish_study(
        named(options), options.mirror, options.from_scratch, options.allow_partial, destination
    )


def _champion_show(options: argparse.Namespace) -> int:
    from xstilts.registry import commands

    return commands.show(options.name)


def _champion_history(options: argparse.Namespace) -> int:
    from xstilts.registry import commands

    return commands.history(options.name)


def _champion_rollback(options: argparse.Namespace) -> int:
    from xstilts.registry import commands

    return commands.rollback(options.name, options.to)


def _export(options: argparse.Namespace) -> int:
    from xstilts.publish.files.export import export_model
    from xstilts.study.commands import current_study

    study = named(options) or current_study()
    return export_model(Path(options.folder), study, options.target)


def _curves(options: argparse.Namespace) -> int:
    from xstilts.publish.files.tensorboard import write_curves

    return write_curves(Path(options.folder))


def _submission(options: argparse.Namespace) -> int:
    from xstilts.publish.files.submission_check import check

    return check(options.path, options.study)
