#!/usr/bin/env bash
# A program of a newer Debian suite beside the machine's own: newer-debian.sh NAME SUITE PACKAGE PROGRAM VERSION-FLAG makes
# /usr/local/bin/NAME. The packages are unpacked, not installed, and the program is started by the loader and with the libraries it was
# built for: nothing of the machine changes.
set -eu
name=$1
suite=$2
package=$3
program=$4
version=$5
root=/opt/gigastt-ci/$name
"/usr/local/bin/$name" "$version" >/dev/null 2>&1 && exit 0
# The mirror this machine has been given for its own packages.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -m1 '/debian/$')
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/lists/partial" "$tmp/cache/archives/partial" "$tmp/root"
: >"$tmp/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$tmp/sources.list"
suite_apt() {
  timeout 180 apt-get -qq -o Dir::State="$tmp" -o Dir::State::status="$tmp/status" -o Dir::Cache="$tmp/cache" \
    -o Dir::Etc::SourceList="$tmp/sources.list" -o Dir::Etc::SourceParts=- -o APT::Sandbox::User=root \
    -o Acquire::Languages=none -o Acquire::http::Timeout=20 -o APT::Install-Recommends=false "$@" >>"$tmp/log" 2>&1 ||
    { tail -5 "$tmp/log"; return 1; }
}
suite_apt update
suite_apt install -y --download-only "$package"
for deb in "$tmp"/cache/archives/*.deb; do dpkg-deb -x "$deb" "$tmp/root"; done
rm -rf "$root"
mkdir -p "${root%/*}"
mv "$tmp/root" "$root"
chmod 0755 "$root"
loader=$(find "$root/usr/lib" -name 'ld-linux-*' -path '*-linux-gnu*' | head -1)
# Python looks for its library here; other programs do not read it.
home="PYTHONHOME=$root/usr"
printf '#!/bin/sh\n%s exec %s --library-path %s %s/%s "$@"\n' "$home" "$loader" "${loader%/*}" "$root" "$program" >"$tmp/wrapper"
install -m 0755 "$tmp/wrapper" "/usr/local/bin/$name"
"/usr/local/bin/$name" "$version"
