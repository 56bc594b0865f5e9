#!/bin/sh
# Installs all packages of a lock into an environment of the image. Called by the Dockerfile, in one layer.
#
#   install_packages.sh LOCK ENVIRONMENT
set -eu
lock=$1 environment=$2

install() {
    /opt/pip/bin/pip --python "$environment/bin/python" install --no-compile --disable-pip-version-check \
        --progress-bar off --no-deps --no-build-isolation --require-hashes --requirement "$1"
}
# Four packages come as source only. They are built by the setuptools of the lock, not by the newest of the index.
awk '/^[^ #]/ {mine = /^(packaging|setuptools|wheel)==/} mine' "$lock" >/tmp/build.lock
install /tmp/build.lock
install "$lock"

cd "$environment"/lib/python3.11/site-packages
before=$(du -sm . | cut -f1)
rm -rf tensorflow/include          # C++ headers, for the compilation of operations
rm -rf clang                       # libclang, which TensorFlow requires and does not import
find . -name '*.a' -delete         # static libraries
strip --strip-debug galsim/_galsim*.so
after=$(du -sm . | cut -f1)

# Bytecode now: no container may write it, and without it TFX takes 36 s to import. Not tied to the times of the
# sources: a tool that changes the times of files in an image would make all of it stale. Folders of tests are
# left out: of 9,253 modules that the pipeline imports, 12 are in one.
"$environment/bin/python" -m compileall -q -j 0 --invalidation-mode unchecked-hash -x "/tests?/" "$PWD"
echo "packages: $before MB, without headers, libclang and debugging symbols $after MB, with bytecode" \
    "$(du -sm . | cut -f1) MB"
