#!/bin/sh
# Makes the base image xstilts-base:bookworm out of Debian packages, for machines that cannot
# pull one. Skipped when the image is there; remove it to make it anew.
#
# MIRROR: where the packages come from (default: what this machine's apt uses for bookworm).
set -eu
cd "$(dirname "$0")"

RELEASE=bookworm
NAME=xstilts-base:$RELEASE
DOCKER=$(./engine.sh)

if "$DOCKER" image inspect "$NAME" >/dev/null 2>&1; then
  echo "$NAME is there already."
  exit
fi

fail() {
  echo "error: $*" >&2
  exit 2
}

# Addresses of a release in this machine's apt sources, without the keys of other systems
mirrors() {
  # shellcheck disable=SC2016 # apt expands these
  apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Identifier: Packages' 2>/dev/null |
    sed -n "s/^$1 //p" | sort -u
}

[ "$(id -u)" = 0 ] || fail "debootstrap has to run as root: sudo make base."
command -v debootstrap >/dev/null || fail "debootstrap is missing: apt-get install debootstrap."
MIRROR=${MIRROR:-$(mirrors $RELEASE | head -n 1)}
[ -n "$MIRROR" ] ||
  fail "this machine's apt has no source for $RELEASE: give one, make base MIRROR=http://..."

folder=$(mktemp -d)
root=$folder/root
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM

echo "Making $NAME from $MIRROR; it takes a minute."
debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates \
  $RELEASE "$root" "$MIRROR" >"$folder/log" 2>&1 ||
  { tail -n 20 "$folder/log" >&2; fail "debootstrap failed with $MIRROR, see above."; }

# The release's packages are as old as its last point release: take the security updates.
updates=$(mirrors $RELEASE-security | head -n 1)
if [ -n "$updates" ]; then
  echo "deb $updates $RELEASE-security main" >"$root/etc/apt/sources.list.d/updates.list"
  { chroot "$root" apt-get -qq update && chroot "$root" apt-get -qq --yes upgrade; } \
    >"$folder/log" 2>&1 ||
    { tail -n 20 "$folder/log" >&2; fail "the security updates of $updates failed, see above."; }
fi

# What belongs to this machine, and what nobody reads in a container. Licences stay.
cd "$root"
rm -rf etc/apt/sources.list etc/apt/sources.list.d/* etc/resolv.conf etc/hostname
rm -rf var/lib/apt/lists/* var/cache/apt/* var/cache/debconf/*-old var/log/* tmp/*
rm -rf usr/share/man/* usr/share/info/* usr/share/locale/*
find usr/share/doc -mindepth 1 ! -type d ! -name copyright -delete
find usr/share/doc -mindepth 1 -type d -empty -delete
cd /

tar -C "$root" -c . | "$DOCKER" import - "$NAME" >/dev/null
echo "Made $NAME."
