#!/bin/sh
# Gives a cluster the release in release/: what CI runs after `xstilts release`, or `make release`.
#
#     k8s/argocd/deploy.sh REPOSITORY OVERLAY [OPTION of `xstilts schedule apply`]...
#
# Commits the overlay's folder to the repository that Argo CD watches, waits until the cluster has
# its versions of the pipelines (kubectl's context; PATIENCE, default 10m), and applies its schedules.
set -eu
cd "$(dirname "$0")/../.."
PATH=$PWD/.venv/bin:$PATH
case ${2:-} in
  "" | */* | .*) known= ;;
  *) known=release/$2/overlay.yaml ;;
esac
if [ ! -f "$known" ]; then
  echo "error: say $0 REPOSITORY OVERLAY, with an overlay that release/ has:" \
    "$(cd release 2>/dev/null && echo */ || echo "none, run xstilts release first")" >&2
  exit 2
fi
repository=$1
overlay=$2
shift 2

said() { # what release.json says of the overlay
  python3 -c 'import json, sys; found = json.load(open("release/release.json"))
found = found["overlays"][sys.argv[1]][sys.argv[2]]
print(*([found] if isinstance(found, str) else found))' "$overlay" "$1"
}
revision=$(python3 -c 'import json; print(json.load(open("release/release.json"))["revision"])')
namespace=$(said namespace)
versions=$(said pipelines)
schedules=$(said schedules)

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
git clone --quiet --depth 1 "$repository" "$scratch/deploy"
rm -rf "${scratch:?}/deploy/$overlay"
cp -R "release/$overlay" "$scratch/deploy/"
# Beside the folder: Argo CD would take it for a resource
cp release/release.json "$scratch/deploy/$overlay.release.json"
git -C "$scratch/deploy" add --all
if git -C "$scratch/deploy" diff --cached --quiet; then
  echo "$overlay has the release $revision already."
else
  git -C "$scratch/deploy" commit --quiet --message "$overlay: release $revision"
  git -C "$scratch/deploy" push --quiet origin HEAD
  echo "$overlay gets the release $revision."
fi

for version in $versions; do
  kubectl wait --for=create --timeout="${PATIENCE:-10m}" --namespace "$namespace" \
    "pipelineversions.pipelines.kubeflow.org/$version"
done
# shellcheck disable=SC2086 # one file each
[ -z "$schedules" ] || xstilts schedule apply "$@" $schedules
