"""Speaks the sentences that arrive as JSON `[text]` on standard input: python3 hotwords-say.py espeak|festival SEED FOLDER. Prints `[{file, words}]`.

python3 hotwords-say.py names: the names and places that the demo model's grammar writes only with a capital letter."""

import json
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../models/recipe"))
from spoken_words import VOICES, espeak, festival  # noqa: E402

if sys.argv[1] == "names":
    from grammar import utterance

    r = random.Random(5)
    words = {word.strip(".,!?«»:;—") for _ in range(20000) for word in utterance(r).split()}
    names = sorted(w for w in words if w.istitle() and len(w) > 3 and w.lower() not in words)
    print(json.dumps(names, ensure_ascii=False))
    sys.exit()
kind, seed, folder = sys.argv[1:4]
texts = json.load(sys.stdin)
clips = (
    espeak(texts, random.Random(int(seed)), folder, VOICES["test"]) if kind == "espeak" else festival(texts, folder)
)
print(json.dumps(clips, ensure_ascii=False))
