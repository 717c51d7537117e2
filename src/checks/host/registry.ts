// Written by scripts/registry.js from the files below this folder. Do not edit: every build writes it.
import { inCatalogueOrder } from "../../audit/families.ts";
import type { HostCheck } from "./check.ts";
import { check as accessFile } from "./checks/access-file.ts";
import { check as certificates } from "./checks/certificates.ts";
import { check as clock } from "./checks/clock.ts";
import { check as coreDumps } from "./checks/core-dumps.ts";
import { check as fileModes } from "./checks/file-modes.ts";
import { check as innerServices } from "./checks/inner-services.ts";
import { check as memory } from "./checks/memory.ts";
import { check as olderFiles } from "./checks/older-files.ts";
import { check as publishedPorts } from "./checks/published-ports.ts";
import { check as serverPort } from "./checks/server-port.ts";
import { check as swap } from "./checks/swap.ts";
import { check as unitRights } from "./checks/unit-rights.ts";

/** Every check of the machine, in the order of the catalogue. */
export const hostChecks: readonly HostCheck[] = inCatalogueOrder([
  accessFile,
  certificates,
  clock,
  coreDumps,
  fileModes,
  innerServices,
  memory,
  olderFiles,
  publishedPorts,
  serverPort,
  swap,
  unitRights,
]);
