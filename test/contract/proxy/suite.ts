import { authenticationCases } from "./authentication.ts";
import { changeCases } from "./changes.ts";
import type { Front } from "./front.ts";
import { liveCases } from "./live.ts";
import { operatorCases } from "./operator.ts";
import { recordingCases } from "./recording.ts";

/** What every proxy we render for must do, with the same cases; and without a proxy those that do not speak about one. */
export function proxyContract(front: Front): void {
  recordingCases(front);
  authenticationCases(front);
  liveCases(front);
  changeCases(front);
  operatorCases(front);
}
