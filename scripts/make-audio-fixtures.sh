#!/usr/bin/env bash
# Makes test/fixtures/audio from an evaluation clip. Needs ffmpeg, lame, flac, vorbis-tools and opus-tools; only needed
# when a fixture is added, the files are committed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
clip=test/fixtures/eval/dev_espeak_07.wav
out=test/fixtures/audio
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"

# +bitexact keeps random numbers and dates out of the file; it is an option of the output, the last argument.
ff() { ffmpeg -nostdin -v error -y "${@:1:$#-1}" -fflags +bitexact "${@: -1}"; }
from_clip() { ff -i "$clip" -flags:a +bitexact -map_metadata -1 "$@"; }

# A loud stereo pair whose channels differ (right = left, 6 dB down), and a tall cover picture.
ff -i "$clip" -ar 48000 -af 'pan=stereo|c0=c0|c1=0.5*c0' "$work/stereo.wav"
ff -i "$clip" -ar 48000 -af 'pan=5.1|c0=c0|c1=c0|c2=c0|c3=0.1*c0|c4=c0|c5=c0' "$work/surround.wav"
ff -f lavfi -i "color=red:s=640x480,noise=alls=100" -frames:v 1 "$work/cover.png"
ff -f lavfi -i "color=blue:s=32x32:r=5:d=1.6" -i "$clip" -c:v libvpx -b:v 10k -c:a libopus -b:a 32k "$out/video.webm"
ff -f lavfi -i "color=blue:s=32x32:r=5:d=0.4" -c:v libvpx -b:v 10k "$out/video-only.webm"
ff -f lavfi -i "color=blue:s=32x32:r=5:d=1.6" -i "$clip" -c:v mpeg4 -b:v 10k -c:a aac -b:a 48k "$out/video.mp4"
ff -f lavfi -i "color=blue:s=32x32:r=5:d=0.4" -c:v mpeg4 -b:v 10k "$out/video-only.mp4"

# MP3 and its family
from_clip -c:a libmp3lame -b:a 48k "$out/cbr-16k.mp3"
lame --quiet -V 5 "$clip" "$out/vbr-16k.mp3"
ff -i "$work/stereo.wav" -ar 44100 -c:a libmp3lame -b:a 96k "$out/stereo-44k.mp3"
from_clip -ar 11025 -c:a libmp3lame -b:a 24k "$out/mpeg25-11k.mp3"
from_clip -c:a libmp3lame -b:a 48k -write_xing 0 -id3v2_version 0 "$out/no-header.mp3"
ff -i "$clip" -i "$work/cover.png" -map 0 -map 1 -c:a libmp3lame -b:a 48k -c:v mjpeg -q:v 20 -id3v2_version 3 "$out/cover.mp3"
from_clip -ar 48000 -c:a mp2 -b:a 64k "$out/layer2-48k.mp2"

# FLAC
flac --silent -f -8 -o "$out/16k.flac" "$clip"
ff -i "$work/stereo.wav" -sample_fmt s32 -bits_per_raw_sample 24 -c:a flac "$out/24bit-stereo-48k.flac"
ff -i "$clip" -c:a flac -f flac - | cat > "$out/pipe.flac"
ff -i "$clip" -c:a flac -f ogg "$out/flac.oga"

# Ogg
oggenc --quiet -q 3 --serial 1 -o "$out/vorbis-16k.ogg" "$clip"
oggenc --quiet -q 2 --serial 2 -o "$out/vorbis-stereo-48k.ogg" "$work/stereo.wav"
opusenc --quiet --serial 3 --bitrate 32 "$clip" "$out/20ms.opus"
opusenc --quiet --serial 4 --bitrate 24 --framesize 60 "$clip" "$out/60ms.opus"
opusenc --quiet --serial 5 --bitrate 48 "$work/stereo.wav" "$out/stereo.opus"
opusenc --quiet --serial 6 --bitrate 160 "$work/surround.wav" "$out/surround.opus"
cat "$out/20ms.opus" "$out/60ms.opus" > "$out/chain.opus"

# WebM and Matroska
from_clip -c:a libopus -b:a 32k "$out/opus.webm"
from_clip -c:a libvorbis -q:a 2 "$out/vorbis.webm"
from_clip -c:a libopus -b:a 32k -f webm -live 1 - | cat > "$out/live.webm"
from_clip -c:a aac -b:a 48k "$out/aac.mka"
from_clip -c:a flac "$out/flac.mka"
from_clip -c:a libmp3lame -b:a 48k "$out/mp3.mka"
from_clip -c:a pcm_f32le -ar 8000 "$out/pcm-8k.mka"

# AAC and MP4
from_clip -c:a aac -b:a 48k "$out/adts.aac"
from_clip -c:a aac -b:a 48k "$out/index-last.m4a"
from_clip -c:a aac -b:a 48k -movflags +faststart "$out/index-first.m4a"
from_clip -c:a aac -b:a 48k -movflags +frag_keyframe+empty_moov+default_base_moof -frag_duration 300000 "$out/fragmented.m4a"
ff -i "$work/stereo.wav" -c:a aac -b:a 64k "$out/stereo-48k.m4a"
from_clip -c:a alac "$out/alac.m4a"
from_clip -c:a libopus -b:a 32k "$out/opus.mp4"
from_clip -c:a flac -strict -2 "$out/flac.mp4"
from_clip -c:a libmp3lame -b:a 48k "$out/mp3.mp4"
from_clip -c:a aac -b:a 48k "$out/quicktime.mov"

# A third of a second of each, for the mutation tests
tiny() { ff -i "$clip" -ss 0.4 -t 0.35 -flags:a +bitexact -map_metadata -1 "$@"; }
tiny "$out/tiny.wav"
tiny -c:a libmp3lame -b:a 32k "$out/tiny.mp3"
tiny "$work/tiny.wav"
flac --silent -f --no-padding -o "$out/tiny.flac" "$work/tiny.wav"
oggenc --quiet -q 0 --serial 7 -o "$out/tiny.ogg" "$work/tiny.wav"
opusenc --quiet --serial 8 --bitrate 24 --max-delay 40 "$work/tiny.wav" "$out/tiny.opus"
tiny -c:a aac -b:a 32k "$out/tiny.m4a"
tiny -c:a aac -b:a 32k -movflags +frag_keyframe+empty_moov+default_base_moof -frag_duration 100000 "$out/tiny-fragmented.m4a"
tiny -c:a alac -movflags +faststart "$out/tiny-alac.m4a"
tiny -c:a aac -b:a 32k "$out/tiny.aac"
tiny -c:a libopus -b:a 24k "$out/tiny.webm"
tiny -c:a libvorbis -q:a 0 "$out/tiny-vorbis.webm"

du -ch "$out"/* | tail -1
