import { check as hst001 } from "./checks/GA-HST-001.ts";
import { check as hst002 } from "./checks/GA-HST-002.ts";
import { check as hst003 } from "./checks/GA-HST-003.ts";
import { check as hst004 } from "./checks/GA-HST-004.ts";
import { check as hst005 } from "./checks/GA-HST-005.ts";
import { check as hst006 } from "./checks/GA-HST-006.ts";
import { check as hst007 } from "./checks/GA-HST-007.ts";
import { check as hst008 } from "./checks/GA-HST-008.ts";
import { check as hst009 } from "./checks/GA-HST-009.ts";
import { check as hst010 } from "./checks/GA-HST-010.ts";
import type { HostCheck } from "./check.ts";

/** Every check of the machine. */
export const hostChecks: readonly HostCheck[] = [
  hst001,
  hst002,
  hst003,
  hst004,
  hst005,
  hst006,
  hst007,
  hst008,
  hst009,
  hst010,
];
