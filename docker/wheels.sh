#!/bin/sh
# Fills docker/wheels with what the image needs at run time: docker/wheels.sh PYTHON
#
# The pip of PYTHON looks where it is configured to look, and builds what comes as source only;
# TORCH says which torch, as for the image. Does nothing when the folder has all of it.
set -eu
cd "$(dirname "$0")/.."

python=$1
list=$(mktemp)
trap 'rm -f "$list"' EXIT
trap 'exit 1' INT TERM
"$python" docker/requirements.py >"$list"
echo "${TORCH:-torch==2.13.0}" >>"$list"

wanted=$({ cat "$list" constraints.txt; "$python" --version; } | sha256sum)
[ "$wanted" != "$(cat docker/wheels/.filled 2>/dev/null)" ] || exit 0

rm -f docker/wheels/*.whl docker/wheels/.filled
"$python" -m pip wheel --quiet --constraint constraints.txt --wheel-dir docker/wheels \
  --requirement "$list"
echo "$wanted" >docker/wheels/.filled
set -- docker/wheels/*.whl
echo "$# wheels are in docker/wheels."
