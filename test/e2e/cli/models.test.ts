import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { stallAfter, startFaultyServer } from "../../unit/models/faulty-server.ts";
import { temporaryDir } from "../../unit/models/helpers.ts";
import { gigastt, startGigastt } from "./gigastt.ts";

const GIGAAM = "gigaam-v3-e2e-rnnt";
const VOCAB = "v3_e2e_rnnt_vocab.txt";
const VOCAB_BYTES = 13_354;

describe("models list", () => {
  test("shows the models, what is installed and what is in use", async () => {
    const dir = temporaryDir();
    const { code, stdout } = await gigastt(["models", "list"], { env: { GIGASTT_MODEL_DIR: dir } });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ {3}gigaam-v3-e2e-rnnt {7}int8 {5}226 MB {2}ru {14}MIT {6}not installed$/m);
    expect(stdout).toMatch(/^\* {2}demo-ru-rnnt {13}int8 {5}5\.5 MB {2}ru {14}MIT {6}bundled$/m);
    expect(stdout).toContain(`Downloaded models: ${dir}\n`);
  });

  test("--json has every file with its hash, the state and the notice", async () => {
    const { stdout } = await gigastt(["models", "list", "--json"], { env: { GIGASTT_MODEL_DIR: temporaryDir() } });
    const report: {
      inUse: { id: string; bundleHash: string; notice: string };
      models: { id: string; precisions: { state: string; files: { sha256: string }[] }[] }[];
    } = JSON.parse(stdout);
    expect(report.inUse.id).toBe("demo-ru-rnnt");
    expect(report.inUse.notice).toContain("gigastt models pull");
    expect(report.models[0]?.precisions[0]).toMatchObject({ precision: "int8", state: "absent" });
    expect(report.models[0]?.precisions[0]?.files).toHaveLength(4);
  });

  test("of a model that is configured but not installed says so and still lists", async () => {
    const env = { GIGASTT_MODEL_DIR: temporaryDir() };
    const { code, stdout } = await gigastt(["models", "list", "--set", `model.id=${GIGAAM}`], { env });
    expect(stdout).toContain(`the model ${GIGAAM} is not installed in`);
    expect(code).toBe(0);
  });

  test("names the files of an incomplete model", async () => {
    const dir = temporaryDir();
    mkdirSync(join(dir, GIGAAM));
    writeFileSync(join(dir, GIGAAM, "v3_e2e_rnnt_joint.int8.onnx"), "short");
    const { stdout } = await gigastt(["models", "list"], { env: { GIGASTT_MODEL_DIR: dir } });
    expect(stdout).toMatch(/incomplete: v3_e2e_rnnt_encoder\.int8\.onnx, v3_e2e_rnnt_decoder/);
  });
});

describe("models verify", () => {
  test("reads the bundled model and is content", async () => {
    const { code, stdout } = await gigastt(["models", "verify"], { env: { GIGASTT_MODEL_DIR: temporaryDir() } });
    expect(stdout).toContain("  ok   demo_ru_rnnt_encoder.int8.onnx (4.1 MB)\n");
    expect(code).toBe(0);
  });

  test("names each bad file with the rule, what was found and the cure, and ends with 1", async () => {
    const dir = temporaryDir();
    mkdirSync(join(dir, GIGAAM));
    writeFileSync(join(dir, GIGAAM, VOCAB), Buffer.alloc(VOCAB_BYTES));
    writeFileSync(join(dir, GIGAAM, "v3_e2e_rnnt_joint.int8.onnx"), "short");
    const env = { GIGASTT_MODEL_DIR: dir };
    const { code, stdout } = await gigastt(["models", "verify", GIGAAM, "--precision", "int8"], { env });
    expect(code).toBe(1);
    expect(stdout).toMatch(/bad {2}v3_e2e_rnnt_vocab\.txt: .* must have SHA-256 39abae20/);
    expect(stdout).toMatch(/bad {2}v3_e2e_rnnt_joint\.int8\.onnx: .* must have 687791 bytes, found 5\./);
    expect(stdout).toMatch(/bad {2}v3_e2e_rnnt_encoder\.int8\.onnx: .* is missing\./);
    expect(stdout).toContain(`Run \`gigastt models pull ${GIGAAM} --precision int8\`.`);
    const json = await gigastt(["models", "verify", "--json"], { env });
    const report: { ok: boolean; models: { id: string }[] } = JSON.parse(json.stdout);
    expect(report.ok).toBe(false);
    expect(report.models.map(({ id }) => id)).toEqual([GIGAAM, "demo-ru-rnnt", "demo-ru-rnnt"]);
    expect(json.code).toBe(1);
  });

  test("of a model that is not installed ends with 1 and the command", async () => {
    const { code, stderr } = await gigastt(["models", "verify", GIGAAM], {
      env: { GIGASTT_MODEL_DIR: temporaryDir() },
    });
    expect(stderr).toContain(`${GIGAAM} is not installed in`);
    expect(code).toBe(1);
  });
});

describe("models path", () => {
  test("prints the folder of all models and of one", async () => {
    const env = { GIGASTT_MODEL_DIR: "/srv/models" };
    expect((await gigastt(["models", "path"], { env })).stdout).toBe("/srv/models\n");
    expect((await gigastt(["models", "path", GIGAAM], { env })).stdout).toBe(`/srv/models/${GIGAAM}\n`);
    expect((await gigastt(["models", "path", "demo-ru-rnnt"], { env })).stdout).toMatch(/\/models\/demo_ru_rnnt\n$/);
  });
});

describe("models pull", () => {
  test("of an unknown id is a usage error with the nearest one", async () => {
    const { code, stderr } = await gigastt(["models", "pull", "gigaam-v3-e2e-rnt"]);
    expect(stderr).toContain(`unknown model "gigaam-v3-e2e-rnt"; did you mean ${GIGAAM}?`);
    expect(code).toBe(2);
  });

  test("of the bundled model is a usage error", async () => {
    const { code, stderr } = await gigastt(["models", "pull", "demo-ru-rnnt"]);
    expect(stderr).toContain("demo-ru-rnnt is part of the installation, so there is nothing to pull.");
    expect(code).toBe(2);
  });

  test("with GIGASTT_OFFLINE is refused and leaves no folder", async () => {
    const dir = join(temporaryDir(), "models");
    const { code, stderr } = await gigastt(["models", "pull"], {
      env: { GIGASTT_MODEL_DIR: dir, GIGASTT_OFFLINE: "1" },
    });
    expect(stderr).toContain("downloads are disabled");
    expect(stderr).toContain("--from FOLDER");
    expect(code).toBe(1);
    expect(existsSync(join(dir, GIGAAM))).toBe(false);
  });

  test("from a server without the files ends with 1; with --json the last event says why", async () => {
    const server = await startFaultyServer(new Map());
    const dir = temporaryDir();
    const args = ["models", "pull", "--from", server.baseUrl, "--json"];
    const { code, stdout, stderr } = await gigastt(args, { env: { GIGASTT_MODEL_DIR: dir } });
    expect(code).toBe(1);
    const events = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>); // checked below
    expect(events[0]).toMatchObject({ event: "plan", model: GIGAAM, precision: "int8", source: server.baseUrl });
    expect(events.at(-1)).toMatchObject({ event: "failed", code: "GST_MODEL_DOWNLOAD" });
    expect(stderr).toContain(`${server.baseUrl}${VOCAB} does not exist (404).`);
    expect(readdirSync(dir)).toEqual([]);
  });

  test("takes the mirror of the configuration", async () => {
    const server = await startFaultyServer(new Map());
    const env = { GIGASTT_MODEL_DIR: temporaryDir() };
    const { stderr } = await gigastt(["models", "pull", "--set", `model.mirror=${server.baseUrl}m`], { env });
    expect(stderr).toContain(`${server.baseUrl}m/${VOCAB} does not exist (404).`);
  });

  test("stopped by Ctrl-C keeps what has arrived, says so and ends with 130", async () => {
    const server = await startFaultyServer(new Map([[VOCAB, Buffer.alloc(VOCAB_BYTES)]]), {
      fallback: stallAfter(1000),
    });
    const dir = temporaryDir();
    const run = startGigastt(["models", "pull", "--from", server.baseUrl], { env: { GIGASTT_MODEL_DIR: dir } });
    const part = join(dir, GIGAAM, `${VOCAB}.part`);
    for (let i = 0; i < 400 && !(existsSync(part) && statSync(part).size === 1000); i++) await sleep(50);
    run.child.kill("SIGINT");
    const { code, stderr } = await run.ended;
    expect(code).toBe(130);
    expect(stderr).toContain("The downloaded part is kept: run the same command again to resume.\n");
    expect(readFileSync(part).length).toBe(1000);
    expect(readdirSync(join(dir, GIGAAM)).sort()).toEqual([`${VOCAB}.part`, `${VOCAB}.part.json`]);
  });

  test("without a terminal writes plain lines to standard error and nothing to standard output", async () => {
    const server = await startFaultyServer(new Map([[VOCAB, Buffer.alloc(VOCAB_BYTES)]]));
    const { stdout, stderr } = await gigastt(["models", "pull", "--from", server.baseUrl], {
      env: { GIGASTT_MODEL_DIR: temporaryDir() },
    });
    expect(stdout).toBe("");
    expect(stderr.split("\n").slice(0, 4)).toEqual([
      expect.stringMatching(/^gigaam-v3-e2e-rnnt: licence MIT, GigaChat Team \(https:.*\); languages ru$/),
      expect.stringMatching(/^pulling gigaam-v3-e2e-rnnt int8 from http:.*: 226 MB$/),
      `  ${VOCAB} (13 kB)`,
      expect.stringMatching(/^ {2}v3_e2e_rnnt_vocab\.txt starts again: the bytes received have SHA-256/),
    ]);
    expect(stderr).not.toContain("\r");
  });
});
