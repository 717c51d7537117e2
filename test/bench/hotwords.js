// Hot words in voices that nothing was learned from or tuned with: how many are found with and without, what is invented, what becomes of the other words, and what 100 phrases cost.
//   npm run bench hotwords [-- --boosts 3,5 --count 140 --write]
// Three sets: rare names and commands that the bundled model has never learned; speech without a phrase; names of the model's own grammar, also in white noise.
// `--write` writes hotwords.md beside this file. Needs python3 with espeak-ng's library, and festival with festvox-ru.
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { DEFAULT_BOOST } from "../../dist/shared/hot-words.js";
import { atLeast, atMost, demoEngine, generator, machine, report, toWav, transcribe } from "./_lib.js";
import { namesOfGrammar, say, speak } from "./_spoken.js";

const { values: given } = parseArgs({
  options: {
    boosts: { type: "string", default: `${DEFAULT_BOOST},5` },
    count: { type: "string", default: "140" },
    write: { type: "boolean", default: false },
  },
});
const boosts = given.boosts.split(",").map(Number);
const NAMES =
  "Ефросинья Прасковья Пантелеймон Варфоломей Агриппина Мстислав Светозар Аристарх Евстигней Гликерия Лукерья Серафим Никанор Тихон Фаина Ираклий Капитолина Модест Никодим Нонна Потап Прохор Рогнеда Севастьян Устинья Феофан Харитон Эльвира Ярополк Зинаида Дормидонт Акулина".split(
    " ",
  );
const COMMANDS = [
  "включи рекуператор",
  "выключи аэрогриль",
  "запусти сепаратор",
  "проверь манометр",
  "открой элеватор",
  "сбрось инвертор",
  "активируй периметр",
  "проветри оранжерею",
  "запусти миксер",
  "прогрей сауну",
  "останови конвейер",
  "разблокируй турникет",
  "включи стробоскоп",
  "проверь ионизатор",
  "запусти компрессор",
  "выключи генератор",
];
const CARRIERS = [
  (name) => `Позвони, ${name} сегодня дома.`,
  (name) => `${name} купит хлеб завтра утром.`,
  (name) => `Сегодня вечером ${name} и Анна.`,
];
const phrases = [...NAMES, ...COMMANDS];
/** Phrases that no clip holds, so that there are 100. */
const OTHERS =
  "Велимир Евдокия Златоуст Радомир Любомила Добрыня Казимир Мелания Остромир Пелагея Родион Степанида Таисия Ульяна Филарет Христофор Цветана Эраст Юлиан Ярослава Боримир Вячеслава Горислав Домна Еремей Захар Измаил Клавдий Лаврентий Матрёна Наум Онисим Пимен Руслана Савелий Трифон Фёкла Хрисанф Эмилия Яким Велеслав Авдотья Борислава Викентий Гаврила Дементий Евграф Зосима Игнат Кондрат Леонтий Макар".split(
    " ",
  );
const bare = (text) =>
  text
    .toLowerCase()
    .replaceAll("ё", "е")
    .replace(/[^\p{L}\p{N} ]/gu, "")
    .replace(/\s+/g, " ")
    .trim();
const times = (text, phrase) => ` ${bare(text)} `.split(` ${bare(phrase)} `).length - 1;

const random = generator(99);
const pick = (list) => list[Math.floor(random() * list.length)];
const engine = await demoEngine();
const rows = [];

for (const synthesizer of ["espeak", "festival"]) {
  try {
    await measure(synthesizer);
  } catch (error) {
    if (error.stderr === undefined && error.code !== "ENOENT") throw error;
    console.log(`${synthesizer}: skipped, it does not run here (${String(error.message).split("\n")[0]})`);
  }
}
await engine.close();
if (given.write) writeFileSync(new URL("hotwords.md", import.meta.url), page());

async function measure(synthesizer) {
  const held = phrases.flatMap((phrase) =>
    COMMANDS.includes(phrase)
      ? [0, 1].map(() => ({
          phrase,
          text: `${phrase[0].toUpperCase()}${phrase.slice(1)} ${pick(["на кухне", "в гараже", "в саду"])}.`,
        }))
      : CARRIERS.map((carrier) => ({ phrase, text: carrier(phrase) })),
  );
  const list = [...phrases, ...OTHERS].slice(0, 100);
  const rare = say(
    synthesizer,
    held.map(({ text }) => text),
    777,
  ).map((clip) => ({ samples: clip.samples, text: held[clip.index].text }));
  await table(synthesizer, "rare names and commands", rare, list);
  const spoken = speak(synthesizer, Number(given.count), 5150).map(({ samples, words }) => ({
    samples,
    text: words.map(({ word }) => word).join(" "),
  }));
  await table(synthesizer, "speech without a phrase", spoken, list, true);
  const shuffled = namesOfGrammar()
    .map((name) => [random(), name])
    .sort((a, b) => a[0] - b[0])
    .slice(0, 100)
    .map(([, name]) => name);
  for (const noise of [undefined, 8, 3])
    await table(
      synthesizer,
      noise === undefined ? "names of the grammar" : `names of the grammar, noise at ${noise} dB`,
      spoken.map((clip) => ({ ...clip, samples: noisy(clip.samples, noise) })),
      shuffled,
    );
}

/** One set with each boost, against the same without hot words. */
async function table(synthesizer, set, clips, list, isTimed = false) {
  const without = await read(clips, []);
  const name = `${synthesizer}, ${set}`;
  const before = score(clips, without.texts, list);
  rows.push([synthesizer, set, "–", before, undefined]);
  for (const boost of boosts) {
    const withHot = await read(
      clips,
      list.map((text) => ({ text, boost })),
    );
    const after = score(clips, withHot.texts, list);
    const cost = isTimed ? withHot.cpuMs / without.cpuMs : undefined;
    rows.push([synthesizer, set, boost, after, cost]);
    const isDefault = boost === DEFAULT_BOOST;
    const more = after.invented - before.invented;
    if (before.said > 0)
      report(
        `${name}, boost ${boost}: found more`,
        after.found - before.found,
        "points",
        isDefault && set.startsWith("rare") ? atLeast(20) : undefined,
        "hotwords",
      );
    report(
      `${name}, boost ${boost}: invented more`,
      more,
      "% of words",
      isDefault && !set.includes("grammar") ? atMost(0.2) : undefined,
      "hotwords",
    );
    report(
      `${name}, boost ${boost}: other words right`,
      after.others - before.others,
      "points",
      isDefault ? atLeast(-0.5) : undefined,
      "hotwords",
    );
    if (cost !== undefined)
      report(
        `${name}, boost ${boost}: processor time of everything, demo encoder`,
        cost,
        "times",
        isDefault ? atMost(1.15) : undefined,
        "hotwords",
      );
  }
}

async function read(clips, hotWords) {
  const before = process.cpuUsage();
  const texts = [];
  for (const { samples } of clips) texts.push((await transcribe(engine, toWav(samples), { hotWords })).text);
  const { user, system } = process.cpuUsage(before);
  return { texts, cpuMs: (user + system) / 1000 };
}

/** Phrases found of those said, phrases written that were not said, of all words said, and other words that are right, in percent. */
function score(clips, texts, list) {
  const total = { said: 0, words: 0, found: 0, invented: 0, others: 0, right: 0 };
  for (const [n, { text }] of clips.entries()) {
    const heard = bare(texts[n]).split(" ");
    const left = bare(text).split(" ");
    total.words += left.length;
    for (const phrase of list) {
      const [said, written] = [times(text, phrase), times(texts[n], phrase)];
      total.said += said;
      total.found += Math.min(said, written);
      total.invented += Math.max(0, written - said);
      if (said > 0) for (const word of bare(phrase).split(" ")) left.splice(left.indexOf(word), 1);
    }
    for (const word of left) {
      total.others++;
      const at = heard.indexOf(word);
      if (at < 0) continue;
      heard.splice(at, 1);
      total.right++;
    }
  }
  return {
    said: total.said,
    found: (100 * total.found) / total.said,
    invented: (100 * total.invented) / total.words,
    others: (100 * total.right) / total.others,
  };
}

function noisy(samples, db) {
  if (db === undefined) return samples;
  const level = Math.sqrt(samples.reduce((sum, value) => sum + value * value, 0) / samples.length);
  const amplitude = level * 10 ** (-db / 20) * Math.sqrt(3);
  return samples.map((value) => value + amplitude * (2 * random() - 1));
}

function page() {
  const cell = (value, digits) => (value === undefined || Number.isNaN(value) ? "" : value.toFixed(digits));
  const lines = rows.map(
    ([synthesizer, set, boost, { said, found, invented, others }, cost]) =>
      `| ${synthesizer} | ${set} | ${boost} | ${said || ""} | ${cell(found, 1)} | ${cell(invented, 2)} | ${cell(others, 1)} | ${cell(cost, 2)} |`,
  );
  return `# Hot words on the demo model

Written by \`npm run bench hotwords -- --write\` (${new Date().toISOString().slice(0, 10)}; ${machine()}). 100 phrases, voices that nothing was learned from or tuned with. Invented: phrases written that were not said, of all words said. What follows
from it is in [ADR 0040](../../docs/adr/0040-hot-words.md).

| voice | set | boost | phrases said | found, % | invented, % of words | other words right, % | processor time, times |
|---|---|---:|---:|---:|---:|---:|---:|
${lines.join("\n")}
`;
}
