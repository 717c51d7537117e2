import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

/** A span as it came over the wire: OTLP/HTTP in JSON (opentelemetry-proto 1.x). */
export interface WireSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[];
  readonly status?: { readonly code?: number };
}

export interface TraceCollector {
  readonly url: string;
  readonly spans: WireSpan[];
  /** Everything that was sent, as it was sent. */
  readonly bodies: string[];
  readonly headers: Record<string, unknown>[];
  attributesOf(span: WireSpan): Record<string, unknown>;
  close(): void;
}

/** Takes traces as a collector does, and keeps them. */
export async function startTraceCollector(): Promise<TraceCollector> {
  const spans: WireSpan[] = [];
  const bodies: string[] = [];
  const headers: Record<string, unknown>[] = [];
  const server: Server = createServer((request, answer) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      bodies.push(body);
      headers.push(request.headers);
      const { resourceSpans } = JSON.parse(body) as {
        resourceSpans: { scopeSpans: { spans: WireSpan[] }[] }[];
      }; // by the protocol
      spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)));
      answer.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`,
    spans,
    bodies,
    headers,
    attributesOf: (span) =>
      Object.fromEntries(span.attributes.map(({ key, value }) => [key, Object.values(value)[0]] as const)),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
