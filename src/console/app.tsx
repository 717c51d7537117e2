import { computed, signal } from "@preact/signals";
import type { FunctionComponent, JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { TextKey } from "./i18n/en.ts";
import { LANGUAGE_NAMES, language, remember, remembered, setLanguage, t } from "./i18n/text.ts";
import type { Language } from "./i18n/text.ts";
import { ApiPage } from "./pages/api.tsx";
import { ArchivePage } from "./pages/archive.tsx";
import { LivePage } from "./pages/live.tsx";
import { StatusPage } from "./pages/status.tsx";
import { TranscribePage } from "./pages/transcribe.tsx";
import { Notices } from "./parts/notices.tsx";
import { SignedIn, SignIn } from "./parts/sign-in.tsx";
import { needsSignIn } from "./wire/session.ts";

const PAGES: readonly (readonly [hash: string, title: TextKey, page: FunctionComponent])[] = [
  ["#/", "transcribe", TranscribePage],
  ["#/live", "live", LivePage],
  ["#/archive", "archive", ArchivePage],
  ["#/status", "status", StatusPage],
  ["#/api", "api", ApiPage],
];

const THEMES = ["auto", "light", "dark"] as const;
const THEME_KEY = "gigastt-theme";

const hash = signal(location.hash);
addEventListener("hashchange", () => (hash.value = location.hash));
const current = computed(() => PAGES.find(([name]) => name === hash.value) ?? PAGES[0]!); // the list is not empty
const theme = signal(THEMES.find((name) => name === remembered(THEME_KEY)) ?? "auto");

export function App(): JSX.Element {
  const [, title, Page] = current.value;
  useEffect(() => {
    document.documentElement.lang = language.value;
    document.title = `${t(title)} · gigastt`;
  }, [language.value, title]);
  useEffect(() => {
    document.documentElement.dataset["theme"] = theme.value;
  }, [theme.value]);
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        {t("skip")}
      </a>
      <header class="top">
        <span class="brand">
          <img src={iconAddress()} alt="" width="24" height="24" /> <span class="brand-name">gigastt</span>
        </span>
        <nav aria-label={t("pages")}>
          {PAGES.map(([name, key]) => (
            <a key={name} href={name} aria-current={current.value[0] === name ? "page" : undefined}>
              {t(key)}
            </a>
          ))}
        </nav>
        <div class="settings">
          <SignedIn />
          <select
            aria-label={t("theme")}
            value={theme.value}
            onChange={({ currentTarget }) => {
              theme.value = THEMES.find((name) => name === currentTarget.value) ?? "auto";
              remember(THEME_KEY, theme.value);
            }}
          >
            {THEMES.map((name) => (
              <option key={name} value={name}>
                {t(`theme_${name}`)}
              </option>
            ))}
          </select>
          <select
            aria-label={t("language")}
            value={language.value}
            onChange={({ currentTarget }) => setLanguage(currentTarget.value as Language)} // its options are languages
          >
            {LANGUAGE_NAMES.map(([code, name]) => (
              <option key={code} value={code} lang={code}>
                {name}
              </option>
            ))}
          </select>
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        <Notices />
        {needsSignIn.value && <SignIn />}
        {/* Nothing that was begun is lost while a person signs in again. */}
        <div hidden={needsSignIn.value}>
          <Page />
        </div>
      </main>
    </>
  );
}

/** The address keeps its page: `#main` would be taken for one. */
function skip(event: Event): void {
  event.preventDefault();
  document.querySelector<HTMLElement>("#main")?.focus();
}

function iconAddress(): string {
  return document.querySelector<HTMLLinkElement>('link[rel="icon"]')?.href ?? "";
}
