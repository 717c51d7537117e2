"""What a user of PyPI's openai does, against the server in the first argument. Prints one JSON object."""

import concurrent.futures
import io
import json
import sys

import openai

base_url, path = sys.argv[1:]
client = openai.OpenAI(base_url=base_url, api_key="none")
with open(path, "rb") as file:
    data = file.read()


def transcribe(**options):
    return client.audio.transcriptions.create(model="whisper-1", file=io.BytesIO(data), **options)


def failure(**options):
    try:
        transcribe(**options)
    except openai.APIStatusError as error:
        return [type(error).__name__, error.status_code, error.code, error.param, bool(error.request_id)]


answer = transcribe()
verbose = transcribe(response_format="verbose_json", timestamp_granularities=["word", "segment"])
diarized = transcribe(response_format="diarized_json")
events = list(transcribe(stream=True))
with open(path, "rb") as file:
    opened = client.audio.transcriptions.create(model="gpt-4o-transcribe", file=file)
with concurrent.futures.ThreadPoolExecutor(3) as pool:
    parallel = [one.text for one in pool.map(lambda _: transcribe(), range(3))]
print(
    json.dumps(
        {
            "version": openai.__version__,
            "text": answer.text,
            "usage": answer.usage.type,
            "opened": opened.text,
            "formats": {name: transcribe(response_format=name) for name in ["text", "srt", "vtt"]},
            "verbose": [type(verbose).__name__, verbose.language, len(verbose.words), len(verbose.segments)],
            "diarized": [type(diarized).__name__, diarized.segments[0].speaker],
            "events": [type(event).__name__ for event in events],
            "deltas": "".join(event.delta for event in events if event.type == "transcript.text.delta"),
            "done": events[-1].text,
            "language": failure(language="de"),
            "format": failure(extra_body={"response_format": "xml"}),
            "models": [model.id for model in client.models.list()],
            "model": client.models.retrieve("whisper-1").id,
            "parallel": parallel,
        }
    )
)
