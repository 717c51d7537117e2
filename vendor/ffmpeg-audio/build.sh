#!/usr/bin/env bash
# Rebuilds ffmpeg-audio.wasm: build.sh FFMPEG_SOURCE.tar.xz, with zig 0.14.1 on the PATH (pip install ziglang==0.14.1 has one).
# Only maintainers run this, to take a new FFmpeg release; the project itself needs no compiler.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
archive=$(realpath "$1")
echo "de668509caf9e35e3cd162473441fdb29538c6d96ed080292b3cf9e6fc5d558f  $archive" | sha256sum --check --quiet # 7.1.5
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar -xf "$archive" -C "$work" --strip-components=1
cd "$work"
# With spaces in its name a compiler confuses make.
printf '#!/bin/sh\nexec zig cc -target wasm32-wasi -mcpu=generic+simd128+bulk_memory "$@"\n' >cc
printf '#!/bin/sh\nexec zig ar "$@"\n' >ar
chmod +x cc ar
decoders=aac,aac_latm,ac3,eac3,dca,amrnb,amrwb,gsm,gsm_ms,wmav1,wmav2,wmapro,wmavoice,wmalossless
decoders+=,adpcm_g722,adpcm_g726,g723_1,g729,truespeech,qcelp,evrc,speex
./configure --enable-cross-compile --target-os=none --arch=wasm32 --cc="$PWD/cc" --ar="$PWD/ar" --ranlib=true \
  --disable-everything --disable-autodetect --disable-all --enable-avcodec --enable-decoder="$decoders" \
  --disable-network --disable-pthreads --disable-asm --disable-runtime-cpudetect --disable-debug \
  --disable-error-resilience --disable-stripping >configure.log
make -s -j"$(nproc)" libavcodec/libavcodec.a libavutil/libavutil.a
# 64 MiB are far more than any stream needs: a hostile one hits the ceiling and traps.
./cc -O3 -I. -mexec-model=reactor "$here/ffmpeg-audio.c" libavcodec/libavcodec.a libavutil/libavutil.a -lm \
  -Wl,--gc-sections -Wl,--strip-all -Wl,-z,stack-size=1048576 -Wl,--max-memory=67108864 \
  -o "$here/ffmpeg-audio.wasm"
cd "$here"
sha256sum ffmpeg-audio.wasm | tee ffmpeg-audio.wasm.sha256
