// What a user of npm's newest openai does, under the Node.js that it needs. Arguments: folder with openai, base URL, file. Prints one JSON object.
import { createReadStream, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, baseURL, path] = process.argv.slice(2);
const require = createRequire(`${folder}/package.json`);
const sdk = await import(pathToFileURL(require.resolve("openai")).href);
const OpenAI = sdk.default.default ?? sdk.default;
const client = new OpenAI({ baseURL, apiKey: "none" });
const model = "whisper-1";
const file = () => new File([readFileSync(path)], "a.wav");
const transcribe = (options) => client.audio.transcriptions.create({ model, file: file(), ...options });
const failure = (promise) =>
  promise.then(
    () => undefined,
    ({ constructor, status, code, param, requestID }) => [constructor.name, status, code, param, typeof requestID],
  );

const verbose = await transcribe({ response_format: "verbose_json", timestamp_granularities: ["word", "segment"] });
const diarized = await transcribe({ response_format: "diarized_json" });
let [deltas, done] = ["", ""];
for await (const event of await transcribe({ stream: true })) {
  if (event.type === "transcript.text.delta") deltas += event.delta;
  if (event.type === "transcript.text.done") done = event.text;
}
const models = [];
for await (const { id } of client.models.list()) models.push(id);
const three = [transcribe({}), transcribe({}), transcribe({ file: createReadStream(path) })];
const found = {
  node: process.versions.node.split(".")[0],
  version: JSON.parse(readFileSync(`${folder}/node_modules/openai/package.json`, "utf8")).version,
  text: (await transcribe({})).text,
  streamed: (await transcribe({ file: createReadStream(path) })).text,
  formats: [
    await transcribe({ response_format: "text" }),
    await transcribe({ response_format: "srt" }),
    await transcribe({ response_format: "vtt" }),
  ],
  verbose: [verbose.language, verbose.words.length, verbose.segments[0].text],
  diarized: diarized.segments[0].speaker,
  deltas,
  done,
  options: (
    await transcribe({
      model: "gpt-transcribe",
      keywords: ["Гигачат"],
      languages: ["ru"],
      prompt: "Дом",
      temperature: 0.2,
    })
  ).text,
  language: await failure(transcribe({ language: "de" })),
  translation: await failure(client.audio.translations.create({ model, file: file() })),
  models,
  model: (await client.models.retrieve(model)).object,
  parallel: (await Promise.all(three)).map(({ text }) => text),
};
process.stdout.write(JSON.stringify(found));
