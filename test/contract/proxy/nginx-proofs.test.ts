import { OF_NGINX } from "./proofs/nginx.ts";
import { describeProofs } from "./proofs/run.ts";

describeProofs(OF_NGINX);
