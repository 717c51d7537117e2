import { cancel, confirm, intro, isCancel, multiselect, note, outro, select, text } from "@clack/prompts";
import type { ComposeOverlay } from "../../../config/types.ts";
import { FORMATS } from "../../../config/schema/formats.ts";
import { isSecretName, SECRET_NAME_RULE } from "../secret-store.ts";
import type { Answers } from "./answers.ts";
import type { Machine } from "./detect.ts";

/** The terminal the questions are asked on. */
export interface Terminal {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
}

/** Asks on the terminal. undefined when the person left; nothing has been written then. */
export async function askAnswers(start: Answers, machine: Machine, terminal: Terminal): Promise<Answers | undefined> {
  intro("gigastt: set up a deployment", terminal);
  note(describe(machine), "This machine", terminal);
  return orUndefined(terminal, () => questions(start, machine, terminal));
}

/** Asks whether to go on; undefined when the person left, and then it has said that nothing was written. */
export async function askConsent(
  terminal: Terminal,
  question: { readonly title: string; readonly list: string; readonly message: string; readonly suggest: boolean },
): Promise<true | undefined> {
  if (question.list !== "") note(question.list, question.title, terminal);
  return orUndefined(terminal, async () => {
    const sure = need(await confirm({ message: question.message, initialValue: question.suggest, ...terminal }));
    if (!sure) throw new Left();
    return true as const;
  });
}

/** The last line of the conversation. */
export function sayGoodbye(terminal: Terminal, message: string): void {
  outro(message, terminal);
}

// ---

class Left extends Error {}

async function orUndefined<T>(terminal: Terminal, ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof Left)) throw error;
    cancel("Nothing was written.", terminal);
    return undefined;
  }
}

type Reach = "machine" | "lan" | "proxy";

async function questions(start: Answers, machine: Machine, terminal: Terminal): Promise<Answers> {
  const target = need(
    await select({
      ...terminal,
      message: "Where will it run?",
      initialValue: start.target,
      options: [
        { value: "host" as const, label: "On this machine", hint: machine.systemd ? "systemd" : "no systemd here" },
        {
          value: "compose" as const,
          label: "In Docker Compose",
          hint: machine.docker === undefined ? "no Docker engine here" : `Docker ${machine.docker}`,
        },
        {
          value: "kubernetes" as const,
          label: "In Kubernetes",
          hint: machine.kubectl === undefined ? "no kubectl here" : `kubectl ${machine.kubectl}`,
        },
      ],
    }),
  );
  const reach: Reach =
    target === "kubernetes"
      ? "proxy"
      : need(
          await select({
            ...terminal,
            message: "Who should reach it?",
            initialValue: reachOf(start),
            options: [
              { value: "machine" as const, label: "Programs on this machine" },
              ...(target === "host"
                ? [
                    {
                      value: "lan" as const,
                      label: "Devices at home",
                      hint: "HTTPS with a self-signed certificate, no password",
                    },
                  ]
                : []),
              {
                value: "proxy" as const,
                label: "Other people, through a reverse proxy",
                hint: "HTTPS, passwords, a public name",
              },
            ],
          }),
        );
  const proxied = reach === "proxy";
  const proxy =
    !proxied || target === "kubernetes" ? ("none" as const) : await askProxy(start, target, machine, terminal);
  const domain = proxied ? await askDomain(start, target, terminal) : undefined;
  const tls = domain === undefined ? ("none" as const) : await askTls(start, proxy, terminal);
  const email = tls === "acme" && target !== "kubernetes" ? await askEmail(start, terminal) : undefined;
  const auth = proxied ? await askAuth(start, tls, terminal) : ("none" as const);
  const forwardUrl = auth === "forward" ? await askForwardUrl(start, terminal) : undefined;
  const firstName = auth === "basic" || auth === "keys" ? await askFirstName(start, auth, terminal) : undefined;
  const overlays = target === "compose" ? await askOverlays(start, terminal) : [];
  return { target, lan: reach === "lan", domain, proxy, tls, email, auth, forwardUrl, firstName, overlays };
}

function reachOf({ lan, proxy, domain }: Answers): Reach {
  if (lan) return "lan";
  return proxy === "none" && domain === undefined ? "machine" : "proxy";
}

async function askProxy(
  start: Answers,
  target: "host" | "compose",
  machine: Machine,
  terminal: Terminal,
): Promise<"caddy" | "nginx"> {
  return need(
    await select({
      ...terminal,
      message: "Which reverse proxy?",
      initialValue: start.proxy === "nginx" ? ("nginx" as const) : ("caddy" as const),
      options: [
        {
          value: "caddy" as const,
          label: "Caddy",
          hint: target === "host" ? (machine.caddy ?? "not installed") : "gets its own certificate",
        },
        {
          value: "nginx" as const,
          label: "nginx",
          hint: target === "host" ? (machine.nginx ?? "not installed") : "certificates by certbot or gigastt certs",
        },
      ],
    }),
  );
}

async function askDomain(start: Answers, target: Answers["target"], terminal: Terminal): Promise<string | undefined> {
  const required = target === "kubernetes";
  const name = need(
    await text({
      ...terminal,
      message: required ? "Host name?" : "Host name? Empty: any name, plain HTTP, on a trusted network.",
      placeholder: start.domain ?? "stt.example.com",
      initialValue: start.domain ?? "",
      validate: (value) => {
        if (value === undefined || value === "") return required ? "The route needs a host name." : undefined;
        return FORMATS.domain.matches(value) ? undefined : `${FORMATS.domain.rule}: ${FORMATS.domain.cure(value)}`;
      },
    }),
  );
  return orNone(name);
}

async function askTls(start: Answers, proxy: Answers["proxy"], terminal: Terminal): Promise<Answers["tls"]> {
  return need(
    await select({
      ...terminal,
      message: "Where does the certificate come from?",
      initialValue: start.tls === "none" ? ("acme" as const) : start.tls,
      options: [
        {
          value: "acme" as const,
          label: "Let's Encrypt",
          hint: "the name must resolve to this machine from the internet",
        },
        {
          value: "internal" as const,
          label: "A private CA",
          hint: `${proxy === "caddy" ? "Caddy's own" : "gigastt certs"}; clients must trust it`,
        },
        { value: "files" as const, label: "My own certificate files" },
        { value: "none" as const, label: "No TLS", hint: "trusted networks only; browsers block the microphone" },
      ],
    }),
  );
}

async function askEmail(start: Answers, terminal: Terminal): Promise<string | undefined> {
  const email = need(
    await text({
      ...terminal,
      message: "Contact address for Let's Encrypt? May be empty.",
      initialValue: start.email ?? "",
      validate: (value) =>
        value === undefined || value === "" || FORMATS.email.matches(value) ? undefined : FORMATS.email.rule,
    }),
  );
  return orNone(email);
}

async function askAuth(start: Answers, tls: Answers["tls"], terminal: Terminal): Promise<Answers["auth"]> {
  return need(
    await select({
      ...terminal,
      message: "Who may use it?",
      initialValue: start.auth === "none" ? ("basic" as const) : start.auth,
      options: [
        { value: "basic" as const, label: "Users with passwords" },
        { value: "keys" as const, label: "Programs with API keys" },
        ...(tls === "none" ? [] : [{ value: "mtls" as const, label: "Devices with client certificates" }]),
        { value: "forward" as const, label: "Another service decides", hint: "Authelia, oauth2-proxy, …" },
        { value: "none" as const, label: "Anyone who can reach it" },
      ],
    }),
  );
}

async function askForwardUrl(start: Answers, terminal: Terminal): Promise<string> {
  return need(
    await text({
      ...terminal,
      message: "URL of the authentication service?",
      placeholder: "http://127.0.0.1:9091/api/verify",
      initialValue: start.forwardUrl ?? "",
      validate: (value) =>
        value !== undefined && FORMATS["http-url"].matches(value) ? undefined : FORMATS["http-url"].rule,
    }),
  );
}

async function askFirstName(start: Answers, auth: "basic" | "keys", terminal: Terminal): Promise<string | undefined> {
  const name = need(
    await text({
      ...terminal,
      message:
        auth === "basic" ? "Name of the first user? Empty: none now." : "Name of the first program? Empty: none now.",
      initialValue: start.firstName ?? "",
      validate: (value) => (value === undefined || value === "" || isSecretName(value) ? undefined : SECRET_NAME_RULE),
    }),
  );
  return orNone(name);
}

async function askOverlays(start: Answers, terminal: Terminal): Promise<readonly ComposeOverlay[]> {
  return need(
    await multiselect({
      ...terminal,
      message: "Anything else in the project? Space selects, Enter continues.",
      required: false,
      initialValues: [...start.overlays],
      options: [
        { value: "build" as const, label: "Build the image from the sources" },
        { value: "edge" as const, label: "A small box", hint: "two cores, two sessions" },
        { value: "redis" as const, label: "Redis" },
        { value: "scale" as const, label: "Workers for jobs", hint: "with Valkey and S3; needs jobs.enabled" },
      ],
    }),
  );
}

function need<T>(answer: T): Exclude<T, symbol> {
  if (isCancel(answer)) throw new Left();
  return answer as Exclude<T, symbol>; // the only symbol is the one isCancel knows
}

/** Text prompts answer undefined or "" for an empty line. */
function orNone(answer: string | undefined): string | undefined {
  return answer === undefined || answer === "" ? undefined : answer;
}

function describe(machine: Machine): string {
  const have = [
    machine.caddy === undefined ? undefined : `Caddy ${machine.caddy}`,
    machine.nginx === undefined ? undefined : `nginx ${machine.nginx}`,
    machine.docker === undefined ? undefined : `Docker ${machine.docker}`,
    machine.kubectl === undefined ? undefined : `kubectl ${machine.kubectl}`,
    machine.systemd ? "systemd" : undefined,
  ].filter((text) => text !== undefined);
  return `${machine.cores} cores, ${(machine.memoryMiB / 1024).toFixed(1)} GiB of memory\n${have.length === 0 ? "no proxy, no Docker, no systemd" : have.join(", ")}`;
}
