import { mkdtempSync, rmSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { callControl } from "../../../../src/supervisor/control/client.ts";
import { openControlServer } from "../../../../src/supervisor/control/server.ts";
import type { ControlServer } from "../../../../src/supervisor/control/server.ts";

let dir: string;
let path: string;
let server: ControlServer | undefined;
let stranger: Server | undefined;
let sockets: Socket[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gigastt-control-"));
  path = join(dir, "control.sock");
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets = [];
  await server?.close();
  server = undefined;
  stranger?.close();
  stranger = undefined;
  rmSync(dir, { recursive: true, force: true });
});

const connect = async (text = ""): Promise<Socket> => {
  const socket = createConnection(path);
  socket.on("error", () => {});
  sockets.push(socket);
  await once(socket, "connect");
  if (text !== "") socket.write(text);
  return socket;
};
const ask = (cmd: string): Promise<unknown> => callControl({ socket: path, cmd, timeoutMs: 20_000 });

describe("the control socket", () => {
  it("answers while more clients than it takes are connected and say nothing", async () => {
    server = await openControlServer(path, ({ cmd }) => Promise.resolve(`${cmd} done`));
    for (let i = 0; i < 100; i++) await connect(i % 2 === 0 ? "" : '{"id":1,"cmd":"sta');
    expect(await ask("status")).toBe("status done");
  });

  it("cuts no client that is being served, and tells the next one when all are", async () => {
    let served = 0;
    let finish = (): void => {};
    const finished = new Promise<void>((resolve) => (finish = resolve));
    server = await openControlServer(path, async () => {
      served += 1;
      await finished;
      return "done";
    });
    const early = Array.from({ length: 32 }, () => ask("restart"));
    await expect.poll(() => served).toBe(32);
    await expect(ask("status")).rejects.toMatchObject({
      code: "GST_CONTROL_BUSY",
      message: expect.stringMatching(/^32 gigastt commands/),
    });
    finish();
    expect(new Set(await Promise.all(early))).toEqual(new Set(["done"]));
  });

  it.each(["HTTP/1.1 400 Bad Request\r\n\r\n", "null\n", "[1,\n"])(
    "says of a program that answers %j that it is not a gigastt supervisor",
    async (text) => {
      stranger = createServer((socket) => {
        socket.on("error", () => {});
        socket.write(text);
      }).listen(path);
      await once(stranger, "listening");
      await expect(ask("status")).rejects.toMatchObject({
        code: "GST_CONTROL",
        message: expect.stringContaining(path),
      });
    },
  );
});
