import { probe as liv001 } from "./probes/GA-LIV-001.ts";
import { probe as liv002 } from "./probes/GA-LIV-002.ts";
import { probe as liv003 } from "./probes/GA-LIV-003.ts";
import { probe as liv004 } from "./probes/GA-LIV-004.ts";
import { probe as liv005 } from "./probes/GA-LIV-005.ts";
import { probe as liv006 } from "./probes/GA-LIV-006.ts";
import { probe as liv007 } from "./probes/GA-LIV-007.ts";
import { probe as liv008 } from "./probes/GA-LIV-008.ts";
import { probe as liv009 } from "./probes/GA-LIV-009.ts";
import { probe as liv010 } from "./probes/GA-LIV-010.ts";
import { probe as liv011 } from "./probes/GA-LIV-011.ts";
import { probe as liv012 } from "./probes/GA-LIV-012.ts";
import { probe as liv013 } from "./probes/GA-LIV-013.ts";
import { probe as liv014 } from "./probes/GA-LIV-014.ts";
import { probe as liv015 } from "./probes/GA-LIV-015.ts";
import { probe as liv016 } from "./probes/GA-LIV-016.ts";
import { probe as liv017 } from "./probes/GA-LIV-017.ts";
import { probe as liv018 } from "./probes/GA-LIV-018.ts";
import type { Probe } from "./probe.ts";

/** Every live probe, in the order in which they run: the one that uses up the rate limit comes last. */
export const probes: readonly Probe[] = [
  liv012,
  liv010,
  liv011,
  liv002,
  liv003,
  liv004,
  liv005,
  liv006,
  liv007,
  liv008,
  liv009,
  liv013,
  liv014,
  liv015,
  liv016,
  liv017,
  liv018,
  liv001,
];
