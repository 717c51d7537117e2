"""Speaks sentences and writes when each word was said, as the synthesizers themselves know it.

python3 spoken_words.py espeak|festival COUNT SEED FOLDER [learn|test] writes FOLDER/<engine>_<n>.wav and prints JSON:
[{"file", "words": [{"word", "start", "end"}]}]. Voices of espeak for learning are not those for tests.
espeak needs the library of espeak-ng; festival needs festival and the voice festvox-ru.
"""

import ctypes
import json
import os
import random
import subprocess
import sys
import wave

from grammar import utterance

VOICES = {
    "test": """
        ru ru+m1 ru+m3 ru+m5 ru+m7 ru+f2 ru+f4 ru+Andrea ru+Denis ru+Michael ru+antonio ru+linda ru+max ru+robert
    """.split(),
    "learn": """
        ru+m2 ru+m4 ru+m6 ru+m8 ru+f1 ru+f3 ru+f5 ru+klatt2 ru+adam ru+anika ru+belinda ru+benjamin ru+boris ru+david ru+ed
        ru+edward ru+grandma ru+gustave ru+iven ru+john ru+marcelo ru+michel ru+miguel ru+Alicia ru+Diogo ru+Gene ru+Lee
        ru+Marco ru+steph ru+shelby ru+quincy ru+norbert ru+rob ru+pablo ru+paul ru+sandro ru+travis ru+victor ru+zac
        ru+steph2 ru+steph3
    """.split(),
}
WORD, PHONEME = 1, 7


class Id(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class Event(ctypes.Structure):
    """espeak_EVENT of speak_lib.h."""

    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", Id),
    ]


def espeak(texts, r, folder, voices):
    library = ctypes.CDLL("libespeak-ng.so.1")
    samples, events = bytearray(), []

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(Event))
    def take(pcm, count, event):
        if pcm and count:
            samples.extend(ctypes.string_at(pcm, count * 2))
        k = 0
        while event[k].type != 0:
            name = event[k].id.string if event[k].type == PHONEME else b""
            events.append((event[k].type, event[k].text_position, event[k].length, event[k].sample, name))
            k += 1
        return 0

    synchronous, with_phonemes, utf8 = 2, 1, 1
    rate = library.espeak_Initialize(synchronous, 0, None, with_phonemes)
    library.espeak_SetSynthCallback(take)
    clips = []
    for n, text in enumerate(texts):
        samples.clear()
        events.clear()
        library.espeak_SetVoiceByName(r.choice(voices).encode())
        for parameter, value in ((1, r.randint(115, 215)), (2, r.randint(60, 100)), (3, r.randint(25, 80))):
            library.espeak_SetParameter(parameter, value, 0)
        encoded = text.encode()
        library.espeak_Synth(encoded, len(encoded) + 1, 0, 1, 0, utf8, None, None)
        library.espeak_Synchronize()
        words = []
        for kind, at, length, sample, name in events:
            if kind == WORD:
                words.append({"word": text[at - 1 : at - 1 + length], "start": sample / rate, "end": None})
            elif words and words[-1]["end"] is None and name.startswith(b"_"):
                words[-1]["end"] = sample / rate
        for word, following in zip(words, words[1:]):
            word["end"] = word["end"] or following["start"]
        if not words or words[-1]["end"] is None:
            continue
        file = f"espeak_{n}.wav"
        with wave.open(os.path.join(folder, file), "wb") as out:
            out.setparams((1, 2, rate, 0, "NONE", ""))
            out.writeframes(bytes(samples))
        clips.append({"file": file, "words": words})
    return clips


def festival(texts, folder):
    """All sentences in one run, because festival starts slowly; one that failed is left out."""
    lines = ["(voice_msu_ru_nsh_clunits)"]
    word = r'(format t "W %s %f %f\n" (item.name w) (item.feat w "word_start") (item.feat w "word_end"))'
    for n, text in enumerate(texts):
        words = f"(mapcar (lambda (w) {word}) (utt.relation.items u 'Word))"
        lines.append(
            f'(unwind-protect (begin (set! u (utt.synth (Utterance Text "{text}"))) '
            f'(utt.save.wave u "{folder}/festival_{n}.wav" \'riff) (format t "U {n}\\n") {words}) nil)'
        )
    script = os.path.join(folder, "festival.scm")
    with open(script, "w") as file:
        file.write("\n".join(lines))
    printed = subprocess.run(["festival", "--batch", script], capture_output=True, check=True).stdout.decode()
    clips = []
    for line in printed.splitlines():
        parts = line.split(" ")
        if parts[0] == "U":
            clips.append({"file": f"festival_{parts[1]}.wav", "words": []})
        elif parts[0] == "W" and clips:
            clips[-1]["words"].append({"word": parts[1], "start": float(parts[2]), "end": float(parts[3])})
    return clips


def main(kind, count, seed, folder, use="test"):
    r = random.Random(seed)
    texts = [utterance(r) for _ in range(count)]
    clips = espeak(texts, r, folder, VOICES[use]) if kind == "espeak" else festival(texts, folder)
    print(json.dumps(clips, ensure_ascii=False))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
