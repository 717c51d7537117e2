import type { JSX } from "preact";
import { ALL_ROUTES, ROUTES } from "../../shared/protocol.ts";
import { t } from "../i18n/text.ts";
import { Command } from "../parts/command.tsx";
import { at, webSocketAt } from "../wire/address.ts";
import { session } from "../wire/session.ts";

/** How other programs use this very server. */
export function ApiPage(): JSX.Element {
  return (
    <section class="api" aria-label="API">
      <h1>API</h1>
      <p>{t("api_intro")}</p>
      <Command text={at("/")} />
      <p class="hint">{t(session.value?.required === true ? "api_key" : "api_auth")}</p>
      {snippets().map(([title, text]) => (
        <div key={title}>
          <h2>{title}</h2>
          <Command text={text} label={title} />
        </div>
      ))}
      <h2>{t("api_reference")}</h2>
      <ul class="routes">
        {ALL_ROUTES.filter(
          ({ access, replacedBy, face }) => access !== "closed" && replacedBy === undefined && face !== "console",
        ).map(({ methods, path }) => (
          <li key={path}>
            <code>
              {methods.join(", ")} {path}
            </code>
          </li>
        ))}
      </ul>
    </section>
  );
}

function snippets(): readonly (readonly [title: string, text: string])[] {
  const transcribe = at(ROUTES.transcribe.path);
  return [
    [
      "curl",
      `curl --data-binary @speech.mp3 "${transcribe}"\ncurl --data-binary @speech.mp3 "${transcribe}?format=srt" -o speech.srt`,
    ],
    [
      "Python",
      `import requests\n\nwith open("speech.mp3", "rb") as audio:\n    answer = requests.post("${transcribe}", data=audio, timeout=3600)\nanswer.raise_for_status()\nprint(answer.json()["text"])`,
    ],
    [
      "Node.js",
      `import { openAsBlob } from "node:fs";\n\nconst body = await openAsBlob("speech.mp3");\nconst answer = await fetch("${transcribe}", { method: "POST", body });\nconst { text } = await answer.json();\nprocess.stdout.write(text + "\\n");`,
    ],
    [
      "WebSocket",
      `${webSocketAt(ROUTES.live.path)}\n\n{"type":"configure","sample_rate":16000}\n… PCM16 …\n{"type":"stop"}`,
    ],
  ];
}
