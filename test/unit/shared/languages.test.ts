import { expect, test } from "vitest";
import { requireLanguages } from "../../../src/runtime/language.ts";
import { languageOf } from "../../../src/shared/languages.ts";

const FIVE = ["ru", "en", "kk", "ky", "uz"];

test.each([
  ["ru", "включи свет в гостиной и поставь чайник"],
  ["en", "turn on the light in the living room please"],
  ["kk", "қонақ бөлмеде жарықты қосып жіберші мен кешке үйде боламын"],
  ["ky", "мен кечинде үйдө болом жарыкты күйгүзүп койчу"],
  ["uz", "mehmonxonada chiroqni yoqib qo'y men kechqurun uyda bo'laman"],
  ["ru", ""],
  ["ru", "12 345"],
])("tells %s by its letters: %s", (code, text) => {
  expect(languageOf(text, FIVE)).toBe(code);
});

test("answers only languages of the model, the main one when nothing speaks for another", () => {
  expect(languageOf("turn on the light", ["ru"])).toBe("ru");
  expect(languageOf("turn on the light", ["ru", "kk"])).toBe("ru");
  expect(languageOf("қосып жібер", ["ru", "en"])).toBe("ru");
});

test("what a client asks for narrows the choice", () => {
  expect(requireLanguages([], FIVE)).toEqual(FIVE);
  expect(requireLanguages(["", "auto"], FIVE)).toEqual(FIVE);
  for (const name of ["kk", "kk-KZ", "kk_KZ", "kaz", "Kazakh", " KK "])
    expect(requireLanguages([name], FIVE)).toEqual(["kk"]);
  expect(requireLanguages(["de", "uz"], FIVE)).toEqual(["uz"]);
  for (const name of ["de", "german", "-", "🙂", "x".repeat(999), "root", "und"])
    expect(() => requireLanguages([name], FIVE)).toThrow(
      "the model understands russian (ru), english (en), kazakh (kk), kyrgyz (ky), uzbek (uz)",
    );
  expect(() => requireLanguages(["kk"], ["ru"])).toThrow("the model understands russian (ru), got");
});
