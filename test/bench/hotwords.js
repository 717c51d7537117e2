// Hot words on rare names and commands that the bundled model has never learned, in voices that nothing was learned from or tuned with: how many are found with and without, what is
// invented in speech that does not hold them, what becomes of the other words, and what 100 phrases cost. Needs python3 with espeak-ng's library, and festival with festvox-ru.
// `HOT_BOOSTS=3,5` tries boosts.
import { DEFAULT_BOOST } from "../../dist/shared/hot-words.js";
import { atLeast, atMost, demoEngine, generator, report, toWav, transcribe } from "./_lib.js";
import { say, speak } from "./_spoken.js";

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
const words = (boost, list = [...phrases, ...OTHERS].slice(0, 100)) => list.map((text) => ({ text, boost }));
const boosts = (process.env.HOT_BOOSTS ?? String(DEFAULT_BOOST)).split(",").map(Number);
const bare = (text) =>
  text
    .toLowerCase()
    .replaceAll("ё", "е")
    .replace(/[^\p{L}\p{N} ]/gu, "")
    .replace(/\s+/g, " ")
    .trim();
const stem = (phrase) => bare(phrase);
const times = (text, phrase) => ` ${bare(text)} `.split(` ${stem(phrase)} `).length - 1;

const engine = await demoEngine();
const random = generator(99);
const pick = (list) => list[Math.floor(random() * list.length)];
for (const synthesizer of ["espeak", "festival"]) {
  const held = phrases.flatMap((phrase) =>
    (COMMANDS.includes(phrase) ? [0, 1] : [0, 1, 2]).map((n) => ({
      phrase,
      text: COMMANDS.includes(phrase)
        ? `${bare(phrase)[0].toUpperCase()}${bare(phrase).slice(1)} ${pick(["на кухне", "в гараже", "в саду"])}.`
        : CARRIERS[n](phrase),
    })),
  );
  let clips;
  let plain;
  try {
    clips = say(
      synthesizer,
      held.map(({ text }) => text),
      777,
    ).map((clip) => ({ ...clip, ...held[clip.index] }));
    plain = speak(synthesizer, 120, 5150);
  } catch (error) {
    console.log(`${synthesizer}: skipped, it does not run here (${String(error.message).split("\n")[0]})`);
    continue;
  }
  const read = async (list, hotWords) => {
    const before = process.cpuUsage();
    const texts = [];
    for (const { samples } of list) texts.push((await transcribe(engine, toWav(samples), { hotWords })).text);
    const { user, system } = process.cpuUsage(before);
    return { texts, cpuMs: (user + system) / 1000 };
  };
  const found = (texts) => (100 * texts.filter((text, n) => times(text, clips[n].phrase) > 0).length) / clips.length;
  const rest = (texts) => {
    let [right, all] = [0, 0];
    for (const [n, text] of texts.entries()) {
      const heard = new Set(bare(text).split(" "));
      const others = bare(clips[n].text)
        .split(" ")
        .filter((word) => !stem(clips[n].phrase).split(" ").includes(word));
      all += others.length;
      right += others.filter((word) => heard.has(word)).length;
    }
    return (100 * right) / all;
  };
  const without = await read(clips, []);
  const plainWithout = await read(plain, []);
  const spokenWords = plain.reduce((sum, { words: said }) => sum + said.length, 0) + clips.length * 4;
  report(`${synthesizer}: clips with a phrase`, clips.length, "");
  report(`${synthesizer}: found without hot words`, found(without.texts), "%");
  report(`${synthesizer}: other words right without`, rest(without.texts), "%");
  for (const boost of boosts) {
    const hot = words(boost);
    const withHot = await read(clips, hot);
    const plainWith = await read(plain, hot);
    const invented =
      plainWith.texts.reduce(
        (sum, text, n) =>
          sum +
          hot.reduce(
            (count, { text: phrase }) =>
              count + Math.max(0, times(text, phrase) - times(plainWithout.texts[n], phrase)),
            0,
          ),
        0,
      ) +
      withHot.texts.reduce(
        (sum, text, n) =>
          sum +
          hot.reduce(
            (count, { text: phrase }) =>
              count + (phrase === clips[n].phrase ? Math.max(0, times(text, phrase) - 1) : times(text, phrase)),
            0,
          ),
        0,
      );
    const what = `${synthesizer}, boost ${boost}`;
    report(`${what}: found`, found(withHot.texts), "%", undefined, "hotwords");
    report(`${what}: found more`, found(withHot.texts) - found(without.texts), "points", atLeast(20), "hotwords");
    report(`${what}: invented`, (100 * invented) / spokenWords, "% of words", atMost(0.2), "hotwords");
    report(
      `${what}: other words right`,
      rest(withHot.texts) - rest(without.texts),
      "points",
      atLeast(-0.5),
      "hotwords",
    );
    report(
      `${what}: texts of clips without a phrase that changed`,
      (100 * plainWith.texts.filter((text, n) => text !== plainWithout.texts[n]).length) / plain.length,
      "%",
    );
    report(
      `${what}: processor time with 100 phrases, clips without one`,
      plainWith.cpuMs / plainWithout.cpuMs,
      "times",
    );
    if (process.env.HOT_SHOW)
      for (const [n, text] of withHot.texts.entries())
        if (times(text, clips[n].phrase) === 0) console.log(`  - ${clips[n].text} | ${without.texts[n]} | ${text}`);
  }
}
await engine.close();
