"""Speaks the sentences that arrive as JSON `[text]` on standard input: python3 hotwords-say.py espeak|festival SEED FOLDER. Prints `[{file, words}]`."""

import json
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../models/recipe"))
from spoken_words import VOICES, espeak, festival  # noqa: E402

kind, seed, folder = sys.argv[1:4]
texts = json.load(sys.stdin)
clips = (
    espeak(texts, random.Random(int(seed)), folder, VOICES["test"]) if kind == "espeak" else festival(texts, folder)
)
print(json.dumps(clips, ensure_ascii=False))
