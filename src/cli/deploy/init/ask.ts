import { cancel, confirm, intro, isCancel, multiselect, note, outro, select, text } from "@clack/prompts";
import type { ComposeOverlay } from "../../../config/types.ts";
import { FORMATS } from "../../../config/formats.ts";
import type { Answers } from "./answers.ts";
import type { Machine } from "./detect.ts";

/** Asks on the terminal. undefined when the person left. */
export async function askAnswers(start: Answers, machine: Machine): Promise<Answers | undefined> {
  intro("gigastt: set up a deployment");
  note(describe(machine), "This machine");
  try {
    const answers = await questions(start, machine);
    const sure = need(await confirm({ message: "Write the configuration and the files?" }));
    if (!sure) throw new Left();
    outro("Writing …");
    return answers;
  } catch (error) {
    if (!(error instanceof Left)) throw error;
    cancel("Nothing was written.");
    return undefined;
  }
}

// ---

class Left extends Error {}

async function questions(start: Answers, machine: Machine): Promise<Answers> {
  const target = need(
    await select({
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
  const name = need(
    await text({
      message: "Public host name? Empty for a private network.",
      placeholder: "stt.example.com",
      defaultValue: start.domain ?? "",
      validate: (value) =>
        value === undefined || value === "" || FORMATS.domain.matches(value)
          ? undefined
          : `${FORMATS.domain.rule}: ${FORMATS.domain.cure(value)}`,
    }),
  );
  const domain = name === "" ? undefined : name;
  const proxy =
    target === "kubernetes"
      ? ("none" as const)
      : need(
          await select({
            message: "Which proxy stands in front?",
            initialValue: target === "compose" ? ("caddy" as const) : start.proxy,
            options: [
              {
                value: "caddy" as const,
                label: "Caddy",
                hint: target === "host" ? (machine.caddy ?? "not installed") : "gets its own certificate",
              },
              {
                value: "nginx" as const,
                label: "nginx",
                hint:
                  target === "host" ? (machine.nginx ?? "not installed") : "certificates by certbot or gigastt certs",
              },
              { value: "none" as const, label: "None", hint: "this machine or a trusted network only" },
            ],
          }),
        );
  const proxied = proxy !== "none" || target === "kubernetes";
  const tls =
    !proxied || domain === undefined
      ? ("none" as const)
      : need(
          await select({
            message: "Where does the certificate come from?",
            initialValue: start.tls === "none" ? ("acme" as const) : start.tls,
            options: [
              { value: "acme" as const, label: "Let's Encrypt", hint: "the name must lead here from the internet" },
              { value: "internal" as const, label: "A private CA", hint: "clients must trust it" },
              { value: "files" as const, label: "Files of mine" },
              { value: "none" as const, label: "No TLS", hint: "trusted network only" },
            ],
          }),
        );
  const email =
    tls === "acme"
      ? need(
          await text({
            message: "Contact address for Let's Encrypt? May be empty.",
            defaultValue: start.email ?? "",
            validate: (value) =>
              value === undefined || value === "" || FORMATS.email.matches(value) ? undefined : FORMATS.email.rule,
          }),
        )
      : "";
  const auth = !proxied
    ? ("none" as const)
    : need(
        await select({
          message: "Who may use it?",
          initialValue: start.auth === "none" && tls !== "none" ? ("basic" as const) : start.auth,
          options: [
            { value: "basic" as const, label: "Users with passwords" },
            { value: "keys" as const, label: "Programs with API keys" },
            ...(tls === "none" ? [] : [{ value: "mtls" as const, label: "Devices with client certificates" }]),
            { value: "forward" as const, label: "Another service decides", hint: "Authelia, oauth2-proxy, …" },
            { value: "none" as const, label: "Everybody who reaches it" },
          ],
        }),
      );
  const forwardUrl =
    auth === "forward"
      ? need(
          await text({
            message: "URL of its check?",
            placeholder: "http://127.0.0.1:9091/api/verify",
            validate: (value) =>
              value !== undefined && FORMATS["http-url"].matches(value) ? undefined : FORMATS["http-url"].rule,
          }),
        )
      : undefined;
  const firstName =
    auth === "basic" || auth === "keys"
      ? need(
          await text({
            message:
              auth === "basic" ? "Name of the first user? Empty for later." : "Name of the first key? Empty for later.",
            defaultValue: start.firstName ?? "",
          }),
        )
      : "";
  const overlays: readonly ComposeOverlay[] =
    target === "compose"
      ? need(
          await multiselect({
            message: "Anything else in the project?",
            required: false,
            initialValues: [...start.overlays],
            options: [
              { value: "build" as const, label: "Build the image from the sources" },
              { value: "edge" as const, label: "A small box", hint: "two cores, two sessions" },
              { value: "redis" as const, label: "Redis" },
            ],
          }),
        )
      : [];
  return {
    target,
    domain,
    proxy,
    tls,
    email: email === "" ? undefined : email,
    auth,
    forwardUrl,
    firstName: firstName === "" ? undefined : firstName,
    overlays,
  };
}

function need<T>(answer: T): Exclude<T, symbol> {
  if (isCancel(answer)) throw new Left();
  return answer as Exclude<T, symbol>; // the only symbol is the one isCancel knows
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
