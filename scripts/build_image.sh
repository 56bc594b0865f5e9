#!/bin/sh
# Builds the image of the pipeline's containers from kubeflow/Dockerfile. Called by make image. docs/kubeflow/image.md
#
#   BASE      image with Python 3.11, or a Debian that has it as a package; required, name it by digest
#   VARIANT   cpu (default) or gpu
#   IMAGE     name and tag; default galmorph:<commit>[-gpu], with -changed if files differ from the commit
#   ENGINE    docker, podman or buildah; default: the first that works
#   PIP_CONFIG_FILE, PIP_CERT   configuration of pip and certificates, for the build only; the image has neither
set -eu
cd "$(dirname "$0")/.."

variant=${VARIANT:-cpu}
case $variant in cpu | gpu) ;; *)
    echo "build_image: VARIANT=$variant: there are cpu and gpu" >&2
    exit 2
    ;;
esac
if [ -z "${BASE:-}" ]; then
    echo "build_image: give BASE, such as BASE=docker.io/library/python:3.11-slim-bookworm@sha256:..." >&2
    exit 2
fi
case $BASE in *@sha256:*) ;; *)
    echo "build_image: warning: $BASE names no digest, so the image cannot be built again from the same base" >&2
    ;;
esac

# Without a daemon (docker) and without namespaces (podman build), buildah still builds, in a chroot.
engine=${ENGINE:-}
if [ -z "$engine" ]; then
    if docker info >/dev/null 2>&1; then
        engine=docker
    elif command -v buildah >/dev/null; then
        engine=buildah
    elif command -v podman >/dev/null; then
        engine=podman
    else
        echo "build_image: needs a running Docker, buildah or podman" >&2
        exit 2
    fi
fi
case $engine in
docker) build="docker build" && export DOCKER_BUILDKIT=1 ;;
podman) build="podman build --layers --format=oci" ;;
buildah) build="buildah bud --isolation=${BUILDAH_ISOLATION:-chroot} --layers --format=oci" ;;
*)
    echo "build_image: ENGINE=$engine: there are docker, podman and buildah" >&2
    exit 2
    ;;
esac

revision=$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
[ -z "$(git status --porcelain 2>/dev/null)" ] || revision=$revision-changed
[ "$variant" = cpu ] && suffix= || suffix=-$variant
image=${IMAGE:-galmorph:$revision$suffix}

set -- --build-arg "BASE=$BASE" --build-arg "VARIANT=$variant" --build-arg "REVISION=$revision"
[ ! -s "${PIP_CONFIG_FILE:-}" ] || set -- "$@" --secret "id=pip.conf,src=$PIP_CONFIG_FILE"
[ ! -s "${PIP_CERT:-}" ] || set -- "$@" --secret "id=ca.pem,src=$PIP_CERT"
# shellcheck disable=SC2086  # the words of $build are separate
$build "$@" --file kubeflow/Dockerfile --tag "$image" .
echo "$image"
