#!/bin/sh
# In the image's build: makes /opt/venv with what requirements.txt lists, at the versions of
# constraints.txt, and /build/pip with the pip that does it, which no image needs.
set -eu
cd /build

python3 -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: BASE has no Python 3.11 or newer")'
python3 -m venv /build/pip
python3 -m venv --without-pip /opt/venv

set -- --constraint constraints.txt --requirement requirements.txt "$TORCH"
if ls /wheels/*.whl >/dev/null 2>&1; then
  set -- --no-index --find-links /wheels "$@"
else
  [ -z "$INDEX_URL" ] || set -- --index-url "$INDEX_URL" "$@"
  [ -z "$EXTRA_INDEX_URL" ] || set -- --extra-index-url "$EXTRA_INDEX_URL" "$@"
fi
/build/pip/bin/pip --python /opt/venv/bin/python install --no-cache-dir "$@"

# C++ headers and torch's own test programs, 145 MB: of no use without a compiler
rm -rf /opt/venv/lib/python3*/site-packages/torch/include
rm -rf /opt/venv/lib/python3*/site-packages/torch/test
