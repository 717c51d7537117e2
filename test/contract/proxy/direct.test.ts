import { DIRECT } from "./front.ts";
import { proxyContract } from "./suite.ts";

proxyContract(DIRECT);
