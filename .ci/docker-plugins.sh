#!/usr/bin/env bash
# Compose and buildx for Debian's Docker, which has neither, from the Go module proxy into the folder the Docker client looks in.
# `go install PACKAGE@VERSION` refuses both for their `exclude` lines, so they are built as main modules: compose with the buildx it
# requires, as one module, so that what they share is compiled once. Their driver for builds inside Kubernetes is left out: half the time.
set -eu
compose=v2.40.3
buildx=v0.29.1
plugins=/usr/local/lib/docker/cli-plugins
[ -x $plugins/docker-compose ] && [ -x $plugins/docker-buildx ] && exit 0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
fetch() { # module folder
  dir=$(go mod download -json "$1" | sed -n 's/^\t"Dir": "\(.*\)".*/\1/p')
  cp -r "$dir" "$2" && chmod -R u+w "$2"
}
fetch github.com/docker/compose/v2@$compose "$tmp/compose"
fetch github.com/docker/buildx@$buildx "$tmp/buildx"
sed -i '/buildx\/driver\/kubernetes"/d' "$tmp/compose/pkg/compose/build_buildkit.go"
sed -i '/buildx\/driver\/kubernetes"/d; /k8s.io\/client-go/d' "$tmp/buildx/cmd/buildx/main.go"
cat "$tmp/buildx/go.sum" >>"$tmp/compose/go.sum"
cd "$tmp/compose"
go mod edit -replace github.com/docker/buildx=../buildx
export CGO_ENABLED=0 GOFLAGS=-mod=mod
mkdir "$tmp/bin"
go build -trimpath -ldflags "-s -w -X github.com/docker/compose/v2/internal.Version=$compose -X github.com/docker/buildx/version.Version=$buildx" \
  -o "$tmp/bin/" ./cmd github.com/docker/buildx/cmd/buildx
mkdir -p $plugins
install -m 0755 "$tmp/bin/cmd" $plugins/docker-compose
install -m 0755 "$tmp/bin/buildx" $plugins/docker-buildx
