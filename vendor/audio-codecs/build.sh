#!/usr/bin/env bash
# Rebuilds audio-codecs.wasm from the pinned crates: needs a Rust toolchain with the wasm32-unknown-unknown target.
# Only maintainers run this, to take a new Symphonia release; the project itself needs no Rust.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
registry=$(find "${CARGO_HOME:-$HOME/.cargo}/registry/src" -mindepth 1 -maxdepth 1 -type d | head -1)
mkdir -p target
for codec in aac vorbis; do
  rm -rf "target/symphonia-codec-$codec"
  cp -r "$registry/symphonia-codec-$codec-0.6.1" "target/symphonia-codec-$codec"
  patch -s -p1 -d "target/symphonia-codec-$codec" <"$codec.patch"
done
flags=(
  -C target-feature=+simd128
  # 64 MiB are far more than any stream we take needs: a hostile one hits the ceiling and traps.
  -C link-arg=--max-memory=67108864
  # Panic messages carry source paths: ours must not depend on the machine.
  --remap-path-prefix="$registry=crates"
  --remap-path-prefix="$PWD=audio-codecs"
  --remap-path-prefix="$(rustc --print sysroot)=rust"
)
RUSTFLAGS="${flags[*]}" cargo build --release --target wasm32-unknown-unknown
cp target/wasm32-unknown-unknown/release/audio_codecs.wasm audio-codecs.wasm
sha256sum audio-codecs.wasm
