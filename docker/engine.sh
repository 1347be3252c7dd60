#!/bin/sh
# Prints the docker to use: $DOCKER if set, else the first one on PATH that can build with
# BuildKit. Clients older than 23 have it built in; newer ones need the plug-in buildx.
set -eu

if [ -n "${DOCKER:-}" ]; then
  echo "$DOCKER"
  exit
fi
IFS=:
for folder in $PATH; do
  docker="$folder/docker"
  [ -x "$docker" ] || continue
  version=$("$docker" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')
  if [ "${version:-23}" -lt 23 ] || "$docker" buildx version >/dev/null 2>&1; then
    echo "$docker"
    exit
  fi
done
echo "error: no docker on PATH can build with BuildKit: install docker.io or docker-buildx," \
  "or name a docker in DOCKER." >&2
exit 2
