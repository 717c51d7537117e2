import type { DoctorCheck } from "./check.ts";
import { certificates } from "./certificates.ts";
import { clock } from "./clock.ts";
import { config } from "./config.ts";
import { cores } from "./cores.ts";
import { cpu } from "./cpu.ts";
import { disk } from "./disk.ts";
import { engine } from "./engine.ts";
import { libc } from "./libc.ts";
import { limits } from "./limits.ts";
import { memory } from "./memory.ts";
import { model } from "./model.ts";
import { node } from "./node.ts";
import { permissions } from "./permissions.ts";
import { port } from "./port.ts";
import { proxy } from "./proxy.ts";
import { secrets } from "./secrets.ts";

/** Every check, in the order shown. A new check is one file and one line here. */
export const checks: readonly DoctorCheck[] = [
  node,
  libc,
  engine,
  cpu,
  cores,
  memory,
  disk,
  limits,
  clock,
  config,
  permissions,
  certificates,
  secrets,
  proxy,
  port,
  model,
];
