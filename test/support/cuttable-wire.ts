import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";

/** Passes bytes on to a server that can be replaced, and cuts connections. */
export interface Wire {
  readonly port: number;
  readonly target: { port: number };
  /** Bytes of clients that have passed. */
  passed(): number;
  cut(): void;
  /** Called when more has passed. */
  onPassed: () => void;
  close(): void;
}

export async function cuttableWire(): Promise<Wire> {
  const target = { port: 0 };
  const open = new Set<Socket>();
  let passed = 0;
  const server = createServer((client) => {
    const upstream = connect(target.port, "127.0.0.1");
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket
        .on("error", () => {})
        .on("close", () => {
          open.delete(socket);
          client.destroy();
          upstream.destroy();
        });
    }
    client.on("data", (bytes) => {
      passed += bytes.length;
      wire.onPassed();
    });
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const cut = (): void => open.forEach((socket) => socket.destroy());
  const { port } = server.address() as AddressInfo; // a TCP server
  const wire: Wire = {
    port,
    target,
    passed: () => passed,
    cut,
    onPassed: () => {},
    close: () => {
      cut();
      server.close();
    },
  };
  return wire;
}
