#!/bin/sh
# In the image's build: installs the code of /opt/xstilts in place, and collects in /collected
# what the image gets of it: one layer, the same for all flavours.
set -eu
umask 022

/build/pip/bin/pip --python /opt/venv/bin/python install --no-cache-dir --no-index --no-deps \
  --no-build-isolation --config-settings editable_mode=compat --root /collected \
  --editable /opt/xstilts
/build/pip/bin/pip --python /opt/venv/bin/python check

rm -rf /opt/xstilts/*.egg-info /opt/xstilts/build
mkdir -p /collected/opt
cp -R /opt/xstilts /collected/opt/
chmod -R u=rwX,go=rX /collected # whatever the umask of the clone was
find /collected -exec touch --no-dereference --date=@0 {} + # the same code, the same layer
