"""A real S3 server on this machine, for tests and demonstrations: Ceph, one daemon of each kind.

`python tests/s3.py FOLDER` keeps its objects and keys in FOLDER and runs until it is stopped. It
listens on loopback addresses only; several servers, each in a folder of its own, do not disturb
each other.
"""

import argparse
import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ceph import gateway

from xstilts.errors import USER_ERROR_EXIT_CODE, UserError
from xstilts.store.location import Location

REGION = "us-east-1"
BUCKET = "xstilts"


@dataclass(frozen=True)
class Server:
    """What a client needs: the address and a key that may do everything."""

    endpoint: str
    access: str
    secret: str = field(repr=False)

    def keys(self) -> dict[str, str]:
        """The variables by which boto and DVC find the server's key."""
        return {"AWS_ACCESS_KEY_ID": self.access, "AWS_SECRET_ACCESS_KEY": self.secret}

    def environment(self) -> dict[str, str]:
        """The variables by which boto and DVC find the server and its key."""
        address = {"AWS_ENDPOINT_URL": self.endpoint, "AWS_DEFAULT_REGION": REGION}
        return self.keys() | address

    def store(self, name: str) -> Location:
        """A store that is empty if no other had the name: a folder of the bucket `stores`."""
        folder = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        return Location(self.bucket("stores"), folder, endpoint=self.endpoint, region=REGION)

    def client(self) -> Any:
        """A boto3 client with this server's key, whatever the environment says."""
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=self.access,
            aws_secret_access_key=self.secret,
        )

    def bucket(self, name: str, *, read_only: bool = False) -> str:
        """Create a bucket; what is in it stays if there is one. Returns its name.

        To one that is read-only nobody may write, not even its owner.
        """
        self.client().create_bucket(Bucket=name)
        if read_only:
            self.deny(name, "s3:PutObject", "s3:DeleteObject")
        return name

    def deny(self, bucket: str, *actions: str) -> None:
        """Forbid everybody to do something in a bucket, its owner too."""
        denied = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": list(actions),
            "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        }
        policy = {"Version": "2012-10-17", "Statement": [denied]}
        self.client().put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


@contextmanager
def server(folder: Path, *, page: int = 1000, gigabytes: int = 100) -> Iterator[Server]:
    """Run a server until the block ends; its objects and keys stay in `folder` for the next time.

    A listing holds `page` keys at most, and all objects together `gigabytes`. Raises a
    `UserError` when Ceph is not installed, the folder is in use, or a daemon does not start.
    """
    with gateway(folder, page=page, gigabytes=gigabytes) as state:
        yield Server(f"http://127.0.0.1:{state['port']}", state["access"], state["secret"])


def main() -> int:
    """Run a server for people: with a bucket, and what to type to use it."""
    parser = argparse.ArgumentParser(description="Run a local S3 server until Ctrl-C.")
    parser.add_argument("folder", type=Path, help="keeps objects and keys between runs")
    folder = parser.parse_args().folder.resolve()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with server(folder) as running:
            running.bucket(BUCKET)
            print(f"S3 server at {running.endpoint}, data in {folder}. In another shell:\n")
            for name, value in running.environment().items():
                print(f"export {name}={value}")
            print(f"xstilts store use s3://{BUCKET} --endpoint {running.endpoint}\n")
            print("Ctrl-C stops it.", flush=True)
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)  # until a daemon ends by itself
            raise UserError(f"The S3 server ended; see the logs in {folder / 'log'}.")
    except UserError as error:
        print("\n".join(f"error: {problem}" for problem in error.problems), file=sys.stderr)
        return USER_ERROR_EXIT_CODE
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
