/** A text in the languages of the project. */
export interface Localized {
  readonly en: string;
  readonly ru: string;
}

export interface StoreTexts {
  readonly tagline: Localized;
  readonly description: Localized;
  /** What to do after the installation. */
  readonly firstRun: Localized;
  /** What an update does. */
  readonly update: Localized;
}

const CREATE_KEY = "node /app/bin/gigastt.js secrets create key laptop";

/** Returns what a store shows about the app. Plain sentences without quotes and markup: every store takes them. */
export function storeTexts(app: {
  readonly hasKeys: boolean;
  readonly drainS: number;
  readonly isMounted: boolean;
}): StoreTexts {
  const model: Localized = app.isMounted
    ? {
        en: "Copy the model into the folder models before the first start. ",
        ru: "До первого запуска скопируйте модель в папку models. ",
      }
    : { en: "", ru: "" };
  return {
    tagline: { en: "Speech recognition on your own server", ru: "Распознавание речи на вашем сервере" },
    description: {
      en: "gigastt turns recordings and live speech into text. Audio never leaves your server. It has a web page, an HTTP API that OpenAI clients understand, and WebSocket streams.",
      ru: "gigastt превращает записи и живую речь в текст. Звук не покидает ваш сервер. Есть веб-страница, HTTP API, понятный клиентам OpenAI, и потоки WebSocket.",
    },
    firstRun: app.hasKeys
      ? {
          en: `${model.en}Every request needs an API key. Create one in the terminal of the container: ${CREATE_KEY}`,
          ru: `${model.ru}Каждому запросу нужен API-ключ. Создайте его в терминале контейнера: ${CREATE_KEY}`,
        }
      : {
          en: `${model.en}The login of your home server protects the app.`,
          ru: `${model.ru}Приложение защищено входом на домашний сервер.`,
        },
    update: {
      en: `Before an update the server finishes running sessions, for up to ${app.drainS} s. Keys, jobs and settings stay.`,
      ru: `Перед обновлением сервер завершает открытые сессии, не дольше ${app.drainS} с. Ключи, задания и настройки сохраняются.`,
    },
  };
}
