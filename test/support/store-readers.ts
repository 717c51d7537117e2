import { parse } from "yaml";
import type { StoreTarget } from "../../src/render/store/store.ts";

/** Rendered files by path. */
type Files = ReadonlyMap<string, string>;
/** Reads an entry as its store does and yields what its documents forbid. */
type Reader = (files: Files) => Generator<string>;
type Value = any; // oxlint-disable-line typescript/no-explicit-any -- foreign documents, read by path

/**
 * The rules of the stores' own documents and linters: CasaOS (docs/specs and validate_compose.py), Umbrel (lint-apps.mjs), Unraid (the
 * community's check.py), TrueNAS (CONTRIBUTIONS.md and its library), Portainer (template format 3).
 */
export const STORE_READERS: Readonly<Record<StoreTarget, Reader>> = {
  casaos: readCasaos,
  umbrel: readUmbrel,
  unraid: readUnraid,
  truenas: readTruenas,
  portainer: readPortainer,
};

// ---

function* readCasaos(files: Files): Generator<string> {
  const compose: Value = parse(must(files, "casaos/Apps/gigastt/docker-compose.yml"));
  if (!/^[a-z0-9_-]+$/.test(compose.name)) yield `name ${compose.name}`;
  const store = compose["x-casaos"];
  if (!/^[a-z0-9]+(?:[._-][a-z0-9]+)*(?:\.[a-z0-9]+(?:[._-][a-z0-9]+)*)+$/.test(store.id)) yield `id ${store.id}`;
  for (const field of ["id", "main", "index", "port_map", "icon", "category", "version"])
    if (typeof store[field] !== "string" || store[field] === "") yield `${field} is not a text`;
  for (const field of ["title", "tagline", "description", "release_notes"])
    if (typeof store[field]?.en_US !== "string") yield `${field} has no en_US`;
  for (const [name, text] of Object.entries(store.tips))
    if (typeof (text as Value).en_US !== "string") yield `tips.${name}`;
  if (!["AI", "Media", "Productivity", "Home", "Networking", "Developer", "Others"].includes(store.category))
    yield `category ${store.category}`;
  if (compose.services[store.main] === undefined) yield `main ${store.main} is not a service`;
  else yield* readService(compose.services[store.main], compose);
  if (!compose.services[store.main].ports.includes(`${store.port_map}:${store.port_map}`))
    yield "port_map is not published";
  yield* readUrl(store.icon);
}

function* readUmbrel(files: Files): Generator<string> {
  const manifest: Value = parse(must(files, "umbrel/gigastt/umbrel-app.yml"));
  const text = "id category name version tagline description website support path submission developer submitter repo";
  for (const field of text.split(" "))
    if (typeof manifest[field] !== "string" || (manifest[field] === "" && field !== "path"))
      yield `${field} is not a text`;
  if (manifest.manifestVersion !== 1) yield "manifestVersion";
  if (manifest.id !== "gigastt") yield "id is not the folder";
  if (!["ai", "automation", "developer", "files", "media", "networking", "social"].includes(manifest.category))
    yield "category";
  if (!Number.isInteger(manifest.port) || [80, 443, 2000].includes(manifest.port)) yield `port ${manifest.port}`;
  if (!(manifest.path === "" || manifest.path.startsWith("/"))) yield `path ${manifest.path}`;
  for (const list of ["dependencies", "gallery"]) if (!Array.isArray(manifest[list])) yield list;
  for (const url of [manifest.website, manifest.repo, manifest.support, manifest.submission]) yield* readUrl(url);
  const compose: Value = parse(must(files, "umbrel/gigastt/docker-compose.yml"));
  if (compose.networks !== undefined || compose.volumes !== undefined) yield "networks or volumes at the top";
  const { app_proxy: proxy, ...services } = compose.services;
  const target = Object.keys(services).find((name) => proxy.environment.APP_HOST === `${manifest.id}_${name}_1`);
  if (target === undefined) yield `APP_HOST ${proxy.environment.APP_HOST}`;
  if (!/^\d+$/.test(String(proxy.environment.APP_PORT))) yield "APP_PORT";
  for (const service of Object.values(services) as Value[]) {
    yield* readService(service, undefined);
    if (service.restart !== "on-failure") yield `restart ${service.restart}`;
    if (service.container_name !== undefined) yield "container_name";
    for (const port of service.ports ?? []) {
      if (!/^\d+:\d+$/.test(port)) yield `port ${port}`;
      if (port.startsWith(`${manifest.port}:`)) yield "publishes the port of app_proxy";
    }
    for (const volume of service.volumes ?? []) {
      const folder = /^\$\{APP_DATA_DIR\}\/(data\/[a-z]+):\/[^:]+(?::ro)?$/.exec(volume)?.[1];
      if (folder === undefined) yield `volume ${volume}`;
      else if (!files.has(`umbrel/gigastt/${folder}/.gitkeep`)) yield `${folder} is not committed`;
    }
  }
}

function* readUnraid(files: Files): Generator<string> {
  const text = must(files, "unraid/gigastt.xml");
  const elements = readXml(text);
  const one = (name: string): string => elements.find((element) => element.name === name)?.text ?? "";
  for (const name of ["Name", "Repository", "Network", "Overview", "Category", "Icon", "WebUI", "ExtraParams"])
    if (one(name) === "") yield `${name} is missing`;
  if (one("Support") === "" && one("Project") === "") yield "neither Support nor Project";
  for (const name of ["DateInstalled", "Networking", "Data", "Environment"])
    if (elements.some((element) => element.name === name)) yield `${name} does not belong in a template`;
  if (/[<>&"']/.test(one("Overview"))) yield "Overview has markup";
  const settings = elements.filter(({ name }) => name === "Config");
  for (const { attributes, text: value } of settings) {
    if (!["Port", "Path", "Variable"].includes(attributes["Type"] ?? "")) yield `Type ${attributes["Type"]}`;
    for (const key of ["Name", "Target", "Default", "Mode", "Display", "Required", "Mask"])
      if (attributes[key] === undefined) yield `Config without ${key}`;
    if (attributes["Default"] !== value) yield `${attributes["Name"]}: default and value differ`;
  }
  const port = /\[PORT:(\d+)\]/.exec(one("WebUI"))?.[1];
  if (!settings.some(({ attributes }) => attributes["Type"] === "Port" && attributes["Target"] === port))
    yield "WebUI names a port that is not a setting";
  if (!one("TemplateURL").endsWith("/unraid/gigastt.xml")) yield `TemplateURL ${one("TemplateURL")}`;
  yield* readUrl(one("Icon"));
}

function* readTruenas(files: Files): Generator<string> {
  const read = (name: string): Value => parse(must(files, `truenas/gigastt/${name}`));
  const app = read("app.yaml");
  for (const field of "app_version description home icon lib_version name title train version changelog_url".split(" "))
    if (typeof app[field] !== "string" || app[field] === "") yield `app.yaml: ${field} is not a text`;
  if (app.name !== "gigastt") yield "name is not the folder";
  if (!(app.run_as_context[0].uid > 0)) yield "runs as root";
  yield* readUrl(app.icon);
  const item = read("item.yaml");
  if (item.icon_url !== app.icon || String(item.categories) !== String(app.categories))
    yield "item.yaml differs from app.yaml";
  const values = read("ix_values.yaml");
  const answers = read("templates/test_values/basic-values.yaml");
  const template = must(files, "truenas/gigastt/templates/docker-compose.yaml");
  for (const [, name] of template.matchAll(/consts\.(\w+)/g))
    if (values.consts[name!] === undefined) yield `ix_values.yaml has no consts.${name}`;
  for (const [, section, name] of template.matchAll(/values\.(network|storage)\.(\w+)/g))
    if (answers[section!]?.[name!] === undefined) yield `the test values have no ${section}.${name}`;
  for (const { name } of values.consts.folders) if (answers.storage[name] === undefined) yield `no answer for ${name}`;
  for (const { name } of values.consts.ports) if (answers.network[name] === undefined) yield `no answer for ${name}`;
  const questions = read("questions.yaml");
  const groups = new Set(questions.groups.map(({ name }: Value) => name));
  for (const question of questions.questions) {
    if (!groups.has(question.group)) yield `unknown group ${question.group}`;
    yield* readAnswers(question, answers[question.variable], question.variable);
  }
  for (const { name, value } of values.consts.environment)
    if (typeof name !== "string" || typeof value !== "string") yield `variable ${name}`;
}

/** Checks that a question has a type that TrueNAS knows, and that the test values answer what is required without a default. */
function* readAnswers(question: Value, answer: Value, path: string): Generator<string> {
  const { type, attrs, required, default: standard } = question.schema;
  if (!["dict", "int", "string", "list", "boolean", "path", "hostpath"].includes(type)) yield `${path}: type ${type}`;
  if (type === "dict") {
    const wanted = question.schema.show_if === undefined || answer !== undefined;
    if (wanted)
      for (const child of attrs) yield* readAnswers(child, answer?.[child.variable], `${path}.${child.variable}`);
  } else if (required === true && standard === undefined && answer === undefined) yield `${path} is not answered`;
  if (question.schema.enum !== undefined && !question.schema.enum.some(({ value }: Value) => value === standard))
    yield `${path}: the default is not among the choices`;
}

function* readPortainer(files: Files): Generator<string> {
  const { version, templates }: Value = JSON.parse(must(files, "portainer/templates.json"));
  if (version !== "3") yield `version ${version}`;
  for (const template of templates) {
    for (const field of ["title", "description", "platform", "logo"])
      if (typeof template[field] !== "string" || template[field] === "") yield `${field} is not a text`;
    if (!Number.isInteger(template.id)) yield "id";
    if (template.type !== 3) yield `type ${template.type}`;
    yield* readUrl(template.repository.url);
    const compose: Value = parse(must(files, template.repository.stackfile));
    for (const service of Object.values(compose.services)) yield* readService(service, compose);
  }
}

/** What every container here keeps, and that its named volumes are declared. */
function* readService(service: Value, compose: Value): Generator<string> {
  if (!/:[^:/]+$/.test(service.image)) yield `image ${service.image} has no tag`;
  if (service.user.startsWith("0") || service.read_only !== true || String(service.cap_drop) !== "ALL") yield "rights";
  if (service.healthcheck === undefined || service.stop_grace_period === undefined) yield "health or stop";
  for (const volume of compose === undefined ? [] : (service.volumes ?? []))
    if (compose.volumes?.[volume.split(":")[0]] === undefined) yield `volume ${volume} is not declared`;
  for (const value of Object.values(service.environment))
    if (typeof value !== "string") yield `variable ${String(value)}`;
}

function* readUrl(text: string): Generator<string> {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) yield `not a URL: ${text}`;
}

function must(files: Files, path: string): string {
  const text = files.get(path);
  if (text === undefined) throw new Error(`${path} was not rendered`);
  return text;
}

interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly text: string;
}

/** Reads a flat XML document: declaration, comments, one root, elements with attributes and text. Throws for anything else. */
function readXml(document: string): readonly XmlElement[] {
  const body =
    /^<\?xml version="1\.0"\?>\n(?:<!--(?:(?!--)[\s\S])*-->\n)*<Container version="2">\n([\s\S]*)<\/Container>\n$/.exec(
      document,
    )?.[1];
  if (body === undefined) throw new Error("not a container template");
  const elements: XmlElement[] = [];
  const rest = body.replaceAll(
    / *<(\w+)((?: \w+="[^"<&]*(?:&\w+;[^"<&]*)*")*)>([^<&]*(?:&\w+;[^<&]*)*)<\/\1>\n/g,
    (_, name, attributes, text) => {
      const pairs = [...String(attributes).matchAll(/ (\w+)="([^"]*)"/g)].map(([, key, value]) => [
        key!,
        unescape(value!),
      ]);
      elements.push({
        name: String(name),
        attributes: Object.fromEntries(pairs) as Record<string, string>,
        text: unescape(String(text)),
      });
      return "";
    },
  );
  if (rest !== "") throw new Error(`not XML: ${rest.slice(0, 200)}`);
  return elements;
}

function unescape(text: string): string {
  const entities: Readonly<Record<string, string>> = { "&lt;": "<", "&gt;": ">", "&quot;": '"', "&amp;": "&" };
  return text.replaceAll(/&\w+;/g, (entity) => entities[entity] ?? entity);
}
