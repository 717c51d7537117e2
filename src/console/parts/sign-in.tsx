import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../i18n/text.ts";
import { WireFailure } from "../wire/events.ts";
import { session, signIn, signOut } from "../wire/session.ts";
import { Command } from "./command.tsx";

/** Asks for a key where the server needs one. The key leaves the page with this one request; a cookie stands for it afterwards. */
export function SignIn(): JSX.Element {
  const failure = useSignal("");
  const isBusy = useSignal(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const key = field.current?.value.trim() ?? "";
    if (key === "") return;
    isBusy.value = true;
    failure.value = "";
    try {
      await signIn(key);
    } catch (error) {
      failure.value =
        error instanceof WireFailure && error.code === "invalid_api_key"
          ? t("sign_in_wrong")
          : error instanceof WireFailure
            ? error.message
            : t("server_away");
      field.current?.focus();
    } finally {
      isBusy.value = false;
    }
  };
  return (
    <section class="sign-in" aria-labelledby="sign-in-title">
      <h1 id="sign-in-title">{t("sign_in")}</h1>
      <form onSubmit={(event) => void submit(event)}>
        <label>
          {t("sign_in_key")}
          <input
            ref={field}
            type="password"
            name="key"
            autocomplete="current-password"
            maxLength={512}
            spellcheck={false}
            aria-describedby="sign-in-hint"
            aria-invalid={failure.value !== ""}
          />
        </label>
        <button class="primary" disabled={isBusy.value}>
          {t("sign_in")}
        </button>
      </form>
      <p role="alert">{failure.value !== "" && <span class="notice bad">{failure.value}</span>}</p>
      <p id="sign-in-hint" class="hint">
        {t("sign_in_hint")}
      </p>
      <Command text="gigastt secrets create key NAME" />
    </section>
  );
}

/** The key of this sign-in, and the way out. */
export function SignedIn(): JSX.Element | null {
  const { key, expires_at: expiresAt } = session.value ?? {};
  if (key === null || key === undefined || expiresAt === null) return null;
  return (
    <span class="signed-in">
      <span title={t("signed_in_as", { name: key.name })}>{key.name}</span>
      <button type="button" onClick={() => void signOut()}>
        {t("sign_out")}
      </button>
    </span>
  );
}
