import { FRONTS } from "./front.ts";
import { proxyContract } from "./suite.ts";

proxyContract(FRONTS[5]!);
