#!/bin/sh
# Checks an image that make image built: what is in it, who it runs as, and that it works where clusters are strict.
# Called by make check-image. Needs podman or docker; as root, or with an engine that runs containers for users.
#
#   RUN   command that runs a container; default: podman run, or docker run
set -eu
image=${1:?give the image}
cd "$(dirname "$0")/.."

engine=$(command -v podman || command -v docker) || {
    echo "check_image: needs podman or docker" >&2
    exit 2
}
run="${RUN:-$engine run} --rm --interactive"
failed=0

check() { # name, then a command
    what=$1
    shift
    if "$@" >/tmp/check_image.$$ 2>&1; then
        echo "ok    $what$(sed -n 's/^TFX was imported/; &/p' /tmp/check_image.$$)"
    else
        echo "FAIL  $what"
        sed 's/^/        /' /tmp/check_image.$$
        failed=1
    fi
}
inspect() { "$engine" image inspect --format "$1" "$image"; }

size=$(inspect '{{.Size}}')
check "size: $((size / 1000000)) MB, budget 4000" test "$size" -lt 4000000000
check "user $(inspect '{{.Config.User}}')" test "$(inspect '{{.Config.User}}')" = 10001:0
# shellcheck disable=SC2086  # the words of $run are separate
{
    check "no compiler, no pip, no package index, no certificates of the build" $run "$image" sh -c '
        ! command -v gcc && ! command -v cc && ! command -v g++ && ! command -v strip &&
        ! /opt/galmorph/bin/python -c "import pip" && [ ! -e /run/secrets ] && [ ! -e /root/.cache ] &&
        [ ! -e /root/.config ] && [ ! -e /etc/pip.conf ] && ! env | grep -iE "index|proxy|token|password"'
    strict="--cap-drop=all --security-opt=no-new-privileges"
    smoke=scripts/image_smoke.py
    python="python -P -"
    check "user of the image" $run $strict "$image" $python <$smoke
    check "any user of group 0, as OpenShift gives it" $run $strict --user=1000660000:0 "$image" $python <$smoke
    check "any user and group" $run $strict --user=4711:4711 "$image" $python <$smoke
    check "read-only file system with /tmp" $run $strict --read-only --tmpfs=/tmp "$image" $python <$smoke
    check "no HOME" $run $strict --env=HOME= --user=1000660000:0 "$image" $python <$smoke
    check "working directory /" $run $strict --workdir=/ --user=1000660000:0 "$image" $python <$smoke
}
rm -f /tmp/check_image.$$
exit $failed
