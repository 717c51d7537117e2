import { hostname } from "node:os";
import { isIPv4 } from "node:net";
import multicastDns from "multicast-dns";
import type { ResponseOutgoingPacket } from "multicast-dns";
import { lanAddresses } from "../../shared/machine/host-names.ts";
import type { RuntimeContext } from "../context.ts";
import type { ListenAddress } from "../http/listen.ts";

/** Tells the home network where Wyoming is served, so that Home Assistant offers it by itself. */
export interface Announcement {
  begin(address: ListenAddress): void;
  end(): void;
}

type Answer = NonNullable<ResponseOutgoingPacket["answers"]>[number];

/** What is announced: one instance of `_wyoming._tcp` with the addresses that others can reach. */
export interface ServiceRecords {
  readonly addresses: readonly string[];
  readonly answers: readonly Answer[];
}

const SERVICE = "_wyoming._tcp.local";
const BROWSED = "_services._dns-sd._udp.local";
/** RFC 6762 10: seconds. */
const TTL_S = 120;

/**
 * Returns the records of a server that listens there. A wildcard stands for this machine's own addresses: it is never announced itself, as no
 * client can connect to it.
 *
 * @param own addresses of this machine in its network
 */
export function serviceRecords(
  { host, port }: ListenAddress,
  advertise: string | undefined,
  own: readonly string[],
  machine: string = hostname(),
): ServiceRecords {
  const isWildcard = host === "0.0.0.0" || host === "::";
  const addresses = [...new Set(advertise !== undefined ? [advertise] : isWildcard ? own : [host])].filter(
    (address) => isIPv4(address) && address !== "0.0.0.0" && !address.startsWith("127."),
  );
  const label = `gigastt-${machine.split(".", 1)[0] ?? ""}`.toLowerCase().slice(0, 63);
  const instance = `${label}.${SERVICE}`;
  const target = `${label}.local`;
  return {
    addresses,
    answers: [
      { name: SERVICE, type: "PTR", ttl: TTL_S, data: instance },
      { name: BROWSED, type: "PTR", ttl: TTL_S, data: SERVICE },
      { name: instance, type: "SRV", ttl: TTL_S, flush: true, data: { port, target, priority: 0, weight: 0 } },
      { name: instance, type: "TXT", ttl: TTL_S, flush: true, data: [] },
      ...addresses.map((data) => ({ name: target, type: "A", ttl: TTL_S, flush: true, data }) as const),
    ],
  };
}

/** Creates the announcement; it stays silent unless `wyoming.zeroconf` is on and there is an address to announce. */
export function createAnnouncement({ settings, log, phase }: RuntimeContext): Announcement {
  let network: ReturnType<typeof multicastDns> | undefined;
  let records: ServiceRecords | undefined;

  return {
    begin: (address) => {
      const { zeroconf, advertise } = settings.current.wyoming;
      if (!zeroconf) return;
      const found = serviceRecords(address, advertise, lanAddresses());
      if (found.addresses.length === 0) {
        log.warn("zeroconf_no_address", { cure: "set wyoming.advertise to the address that Home Assistant can reach" });
        return;
      }
      records = found;
      const socket = multicastDns();
      network = socket;
      const warn = (error: unknown): void => void log.warn("zeroconf_failed", { err: error });
      socket.on("error", warn);
      socket.on("query", ({ questions }) => {
        const asked = new Set(questions.map(({ name }) => name.toLowerCase()));
        if (found.answers.some(({ name }) => asked.has(name.toLowerCase()))) socket.respond([...found.answers]);
      });
      socket.on("ready", () => socket.respond([...found.answers]));
      log.info("zeroconf", { service: SERVICE, addresses: found.addresses });
    },
    end: () => {
      const socket = network;
      network = undefined;
      if (socket === undefined) return;
      // After a hand-over the service goes on at the same address.
      if (phase.handedOver || records === undefined) return void socket.destroy();
      socket.respond(
        records.answers.map((answer) => ({ ...answer, ttl: 0 }) as Answer),
        () => socket.destroy(),
      );
    },
  };
}
