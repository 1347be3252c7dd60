#!/bin/sh
# Builds one flavour of the image from this checkout: docker/build.sh cpu|cuda
#
# From the environment: BASE, TORCH, INDEX_URL, EXTRA_INDEX_URL as the Dockerfile explains them,
# PIP_CONFIG (a pip.conf for the build only), DOCKER (the client), IMAGE (name, default xstilts).
# Where `make base` has made a base, that is the default of BASE.
set -eu
cd "$(dirname "$0")/.."

flavour=$1
image=${IMAGE:-xstilts}:$flavour
DOCKER=$(docker/engine.sh)
MADE=xstilts-base:bookworm
# What ends up in the image, but for the lock: it names images that exist, not this one
CODE="xstilts components pipelines/studies dvc.yaml .dvc/config .dvcignore pyproject.toml
  constraints.txt docker README.md LICENSE :!components/images.lock"

here() { "$DOCKER" image inspect "$1" >/dev/null 2>&1; }

if [ -z "${BASE:-}" ] && here "$MADE"; then
  BASE=$MADE
fi
BASE=${BASE:-python:3.11-slim-bookworm}
if ! here "$BASE" && ! "$DOCKER" pull --quiet "$BASE"; then
  echo "error: the base image $BASE is not here and cannot be pulled: name another one in BASE," \
    "or have \`make base\` make one from Debian packages." >&2
  exit 2
fi
echo "Building $image on $BASE."

# That of the code (pipelines/revision.py): the commit of a new lock or of new data is none
revision=$(git rev-list -1 HEAD -- . ':!components/images.lock' \
  ':(exclude,glob)**/*.dvc' 2>/dev/null || true)
# shellcheck disable=SC2086 # one path each
if [ -n "$revision" ] && [ -n "$(git status --porcelain -- $CODE)" ]; then
  revision=$revision-dirty
fi

set -- --build-arg REVISION="$revision" --build-arg BASE="$BASE" \
  --build-arg VERSION="$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' xstilts/__init__.py)"
for name in TORCH INDEX_URL EXTRA_INDEX_URL; do
  eval "value=\${$name:-}"
  [ -z "$value" ] || set -- "$@" --build-arg "$name=$value"
done
[ -z "${PIP_CONFIG:-}" ] || set -- "$@" --secret "id=pip,src=$PIP_CONFIG"

DOCKER_BUILDKIT=1 "$DOCKER" build --file docker/Dockerfile --target "$flavour" --tag "$image" "$@" .
echo "Built $image${revision:+ of $revision}."
