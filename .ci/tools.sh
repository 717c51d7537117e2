#!/usr/bin/env bash
# Installs the programs that the suites of `npm run test:all` use. Idempotent; a suite skips with its reason where one is missing.
set -u
missing=()
need() { command -v "$1" >/dev/null 2>&1 || missing+=("$2"); }
need nginx nginx-light
need caddy caddy
need haproxy haproxy
need zsh zsh
need fish fish
need redis-server redis-server
[ -d /usr/lib/postgresql ] || missing+=(postgresql)
need ip iproute2
need nft nftables
need dockerd docker.io
need debootstrap debootstrap
need htpasswd apache2-utils
need xmllint libxml2-utils
need openssl openssl
need faketime faketime
need tini tini
need sudo sudo
need python3 python3
python3 -c "import ensurepip" 2>/dev/null || missing+=(python3-venv)
need unshare util-linux
need nc netcat-openbsd
need curl curl
need chromium chromium
need setcap libcap2-bin
need pgrep procps
need promtool prometheus
need apparmor_parser apparmor
need unzip unzip
need ffmpeg ffmpeg
if [ "${#missing[@]}" -gt 0 ]; then
  # Installed packages must not start their services: the suites start what they need on ports of their own.
  policy=/usr/sbin/policy-rc.d
  [ -e "$policy" ] || { printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && made_policy=1; }
  get() { DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null; }
  apt-get update -qq || echo "ci: apt-get update failed"
  # One package that cannot be had must not keep all others away.
  get "${missing[@]}" || for package in "${missing[@]}"; do get "$package" || echo "ci: $package could not be installed"; done
  [ "${made_policy:-0}" = 1 ] && rm -f "$policy"
fi
# Runs one step and says how long it took; a failed step leaves its suite skipped with the reason in its name.
step() {
  local started=$SECONDS
  "$@" && echo "ci: $1: $((SECONDS - started)) s" || echo "ci: $1: failed after $((SECONDS - started)) s"
}
# The base of every image in the Docker suite, since no registry can be reached: what Debian's own slim image has.
debian_rootfs() {
  local tar=/var/cache/gigastt-ci/bookworm.tar tmp
  [ -e "$tar" ] && return
  tmp=$(mktemp -d) && chmod 0755 "$tmp" &&
    debootstrap --variant=minbase bookworm "$tmp" >"$tmp.log" 2>&1 &&
    rm -rf "$tmp"/var/cache/apt/* "$tmp"/var/lib/apt/lists/* "$tmp"/usr/share/{doc,man,info,locale}/* &&
    mkdir -p "${tar%/*}" && tar -C "$tmp" -cf "$tar.part" . && mv "$tar.part" "$tar" || { tail -5 "$tmp.log"; false; }
  local status=$?
  rm -rf "$tmp" "$tmp.log"
  return "$status"
}
docker_plugins() { bash "$(dirname "$0")/docker-plugins.sh"; }
# The real API server and kubectl, from the source: docs/adr/0130. About four minutes on two cores, once per change of its source.
api_server() {
  local kube share=/usr/local/share/gigastt-kube tmp crds version
  kube=$(cd "$(dirname "$0")/../test/system/apiserver" && pwd)
  cat "$kube/main.go" "$kube/go.mod" | cmp -s - "$share/built-from" && return
  tmp=$(mktemp -d)
  crds=$(cd "$tmp" && go mod download -json sigs.k8s.io/gateway-api@v1.6.1 | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')/config/crd/standard
  version=$(awk '$1 == "k8s.io/kubernetes" { print $2 }' "$kube/go.mod")
  (cd "$kube" && GOFLAGS=-p=2 timeout 900 go build -trimpath -o "$tmp/gigastt-kube" -ldflags \
    "-s -w -X k8s.io/component-base/version.gitVersion=$version -X k8s.io/client-go/pkg/version.gitVersion=$version" .) &&
    install -m 0755 "$tmp/gigastt-kube" /usr/local/bin/gigastt-kube && mkdir -p "$share" &&
    install -m 0644 "$crds/gateway.networking.k8s.io_httproutes.yaml" "$crds/gateway.networking.k8s.io_gateways.yaml" "$share/" &&
    cat "$kube/main.go" "$kube/go.mod" >"$share/built-from"
  local status=$?
  rm -rf "$tmp"
  command -v kubectl >/dev/null 2>&1 || ln -sf gigastt-kube /usr/local/bin/kubectl
  return "$status"
}
# What KEDA adds to an API server.
keda_crd() {
  local share=/usr/local/share/gigastt-kube tmp dir
  [ -e "$share/keda.sh_scaledobjects.yaml" ] && return
  tmp=$(mktemp -d)
  dir=$(cd "$tmp" && go mod download -json github.com/kedacore/keda/v2@v2.18.3 | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')/config/crd/bases
  mkdir -p "$share" && install -m 0644 "$dir/keda.sh_scaledobjects.yaml" "$share/"
  local status=$?
  rm -rf "$tmp"
  return "$status"
}
# A current Caddy beside Debian's 2.6: the renderer writes for both.
current_caddy() {
  command -v caddy-2.11 >/dev/null 2>&1 && return
  local tmp
  tmp=$(mktemp -d)
  GOBIN=$tmp GOFLAGS=-p=2 go install github.com/caddyserver/caddy/v2/cmd/caddy@v2.11.4 && install -m 0755 "$tmp/caddy" /usr/local/bin/caddy-2.11
  local status=$?
  rm -rf "$tmp"
  return "$status"
}
# Clients of the protocols we speak, as their users install them: one environment for all suites.
python_clients() {
  local list venv=/opt/gigastt-clients
  list=$(cd "$(dirname "$0")" && pwd)/python-clients.txt
  cmp -s "$list" "$venv/installed.txt" && return
  [ -x "$venv/bin/python" ] || python3 -m venv "$venv" &&
    "$venv/bin/pip" install -q --disable-pip-version-check -r "$list" && cp "$list" "$venv/installed.txt"
}
actionlint() {
  [ -x /usr/local/bin/actionlint ] || GOBIN=/usr/local/bin GOFLAGS=-p=2 go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
}
# An S3 server for the audio of jobs.
versitygw() {
  [ -x /usr/local/bin/versitygw ] || GOBIN=/usr/local/bin GOFLAGS=-p=2 go install -trimpath -ldflags "-s -w" github.com/versity/versitygw/cmd/versitygw@v1.8.0
}
# Debian 12's nginx is the oldest we render for. Its stable and its testing release have what came after: another `http2`, other defaults.
newer() { bash "$(dirname "$0")/newer-debian.sh" "$@"; }
stable_nginx() { newer nginx-1.26 trixie nginx usr/sbin/nginx -v; }
# Redis' free twin: Debian 12 has none.
valkey() { newer valkey-server trixie valkey-server usr/bin/valkey-server --version && newer valkey-cli trixie valkey-tools usr/bin/valkey-cli --version; }
newest_nginx() { newer nginx-newest testing nginx usr/sbin/nginx -v; }
# The newest openai of npm needs a newer Node.js than we do; npm has that, too.
node_22() {
  local to=/opt/gigastt-clients/node-22 packages="node@22.23.3 openai@7.59.0"
  [ "$(cat "$to/installed.txt" 2>/dev/null)" = "$packages" ] && return
  mkdir -p "$to" && echo '{"private":true}' >"$to/package.json" &&
    (cd "$to" && npm install --silent --no-audit --no-fund --save-exact $packages && echo "$packages" >installed.txt)
}
# Home Assistant's own speech-to-text code and the Python that it needs. Only its files that the suite runs are unpacked.
home_assistant() {
  local version=2026.11.0 to=/opt/gigastt-clients/home-assistant tmp
  newer python-3.14 testing python3.14 usr/bin/python3.14 --version || return
  [ -e "$to/$version" ] && return
  tmp=$(mktemp -d)
  pip() { /opt/gigastt-clients/bin/pip "$1" -q --disable-pip-version-check --ignore-requires-python --python-version 3.14 --only-binary=:all: "${@:2}"; }
  pip install --target "$tmp/code" wyoming==1.10.2 openai==3.57.0 &&
    pip download --no-deps --dest "$tmp" "homeassistant==$version" &&
    unzip -q "$tmp"/homeassistant-*.whl 'homeassistant/components/wyoming/*.py' 'homeassistant/components/litellm/*.py' \
      'homeassistant/components/stt/*.py' homeassistant/util/hass_dict.py -d "$tmp/code" &&
    touch "$tmp/code/$version" && chmod 0755 "$tmp/code" && rm -rf "$to" && mv "$tmp/code" "$to"
  local status=$?
  unset -f pip
  rm -rf "$tmp"
  return "$status"
}
# Open WebUI's own audio router: four files of its wheel.
open_webui() {
  local version=0.12.4 to=/opt/gigastt-clients/open-webui tmp status=0
  [ -e "$to/$version" ] && return
  tmp=$(mktemp -d)
  /opt/gigastt-clients/bin/pip download -q --disable-pip-version-check --no-deps --ignore-requires-python --dest "$tmp" "open-webui==$version" &&
    unzip -q "$tmp"/open_webui-*.whl open_webui/routers/audio/__init__.py open_webui/utils/misc.py open_webui/utils/session_pool.py open_webui/constants.py -d "$tmp/code" &&
    touch "$tmp/code/$version" && chmod 0755 "$tmp/code" && rm -rf "$to" && mv "$tmp/code" "$to" || status=1
  rm -rf "$tmp"
  return "$status"
}
# Unpacking waits for the disk and the network, compiling for the processor: both at once.
{ for unpack in python_clients node_22 home_assistant open_webui debian_rootfs stable_nginx newest_nginx valkey; do step "$unpack"; done; } &
if command -v go >/dev/null 2>&1; then
  for build in actionlint versitygw current_caddy docker_plugins api_server keda_crd; do step "$build"; done
fi
wait
exit 0
