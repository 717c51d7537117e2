import { OF_CADDY } from "./proofs/caddy.ts";
import { describeProofs } from "./proofs/run.ts";

describeProofs(OF_CADDY);
