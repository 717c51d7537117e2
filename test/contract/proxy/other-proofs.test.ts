import { OF_HAPROXY } from "./proofs/haproxy.ts";
import { describeProofs } from "./proofs/run.ts";
import { OF_TRAEFIK } from "./proofs/traefik.ts";

describeProofs([...OF_HAPROXY, ...OF_TRAEFIK]);
