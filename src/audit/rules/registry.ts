import type { Rule } from "../types.ts";
import { rule as xff001 } from "./GA-XFF-001.ts";
import { rule as xff002 } from "./GA-XFF-002.ts";
import { rule as xff003 } from "./GA-XFF-003.ts";
import { rule as xff004 } from "./GA-XFF-004.ts";
import { rule as xff005 } from "./GA-XFF-005.ts";
import { rule as xff006 } from "./GA-XFF-006.ts";
import { rule as xff007 } from "./GA-XFF-007.ts";
import { rule as xff008 } from "./GA-XFF-008.ts";
import { rule as xff009 } from "./GA-XFF-009.ts";
import { rule as xff010 } from "./GA-XFF-010.ts";
import { rule as xff011 } from "./GA-XFF-011.ts";
import { rule as str001 } from "./GA-STR-001.ts";
import { rule as str002 } from "./GA-STR-002.ts";
import { rule as str003 } from "./GA-STR-003.ts";
import { rule as str004 } from "./GA-STR-004.ts";
import { rule as str005 } from "./GA-STR-005.ts";
import { rule as str006 } from "./GA-STR-006.ts";
import { rule as str007 } from "./GA-STR-007.ts";
import { rule as str008 } from "./GA-STR-008.ts";
import { rule as str009 } from "./GA-STR-009.ts";
import { rule as str010 } from "./GA-STR-010.ts";
import { rule as str011 } from "./GA-STR-011.ts";
import { rule as str012 } from "./GA-STR-012.ts";
import { rule as str013 } from "./GA-STR-013.ts";
import { rule as str014 } from "./GA-STR-014.ts";
import { rule as str015 } from "./GA-STR-015.ts";
import { rule as str016 } from "./GA-STR-016.ts";
import { rule as str017 } from "./GA-STR-017.ts";
import { rule as lif001 } from "./GA-LIF-001.ts";
import { rule as lif002 } from "./GA-LIF-002.ts";
import { rule as lif003 } from "./GA-LIF-003.ts";
import { rule as lif004 } from "./GA-LIF-004.ts";
import { rule as lif005 } from "./GA-LIF-005.ts";
import { rule as lif006 } from "./GA-LIF-006.ts";
import { rule as lif007 } from "./GA-LIF-007.ts";
import { rule as lif008 } from "./GA-LIF-008.ts";
import { rule as lif009 } from "./GA-LIF-009.ts";
import { rule as lif010 } from "./GA-LIF-010.ts";
import { rule as lif011 } from "./GA-LIF-011.ts";
import { rule as lif012 } from "./GA-LIF-012.ts";
import { rule as lif013 } from "./GA-LIF-013.ts";
import { rule as lif014 } from "./GA-LIF-014.ts";
import { rule as lif015 } from "./GA-LIF-015.ts";
import { rule as lif016 } from "./GA-LIF-016.ts";
import { rule as lif017 } from "./GA-LIF-017.ts";
import { rule as lif018 } from "./GA-LIF-018.ts";
import { rule as lif019 } from "./GA-LIF-019.ts";
import { rule as lif020 } from "./GA-LIF-020.ts";
import { rule as lif021 } from "./GA-LIF-021.ts";
import { rule as exp001 } from "./GA-EXP-001.ts";
import { rule as exp002 } from "./GA-EXP-002.ts";
import { rule as exp003 } from "./GA-EXP-003.ts";
import { rule as exp004 } from "./GA-EXP-004.ts";
import { rule as exp005 } from "./GA-EXP-005.ts";
import { rule as exp006 } from "./GA-EXP-006.ts";
import { rule as exp007 } from "./GA-EXP-007.ts";
import { rule as exp008 } from "./GA-EXP-008.ts";
import { rule as exp009 } from "./GA-EXP-009.ts";
import { rule as exp010 } from "./GA-EXP-010.ts";
import { rule as exp011 } from "./GA-EXP-011.ts";
import { rule as exp012 } from "./GA-EXP-012.ts";
import { rule as exp013 } from "./GA-EXP-013.ts";
import { rule as exp014 } from "./GA-EXP-014.ts";
import { rule as exp015 } from "./GA-EXP-015.ts";
import { rule as exp016 } from "./GA-EXP-016.ts";
import { rule as exp017 } from "./GA-EXP-017.ts";
import { rule as exp018 } from "./GA-EXP-018.ts";
import { rule as exp019 } from "./GA-EXP-019.ts";
import { rule as tls001 } from "./GA-TLS-001.ts";
import { rule as tls002 } from "./GA-TLS-002.ts";
import { rule as tls003 } from "./GA-TLS-003.ts";
import { rule as tls004 } from "./GA-TLS-004.ts";
import { rule as tls005 } from "./GA-TLS-005.ts";
import { rule as tls006 } from "./GA-TLS-006.ts";
import { rule as sbx001 } from "./GA-SBX-001.ts";
import { rule as sbx002 } from "./GA-SBX-002.ts";
import { rule as sbx003 } from "./GA-SBX-003.ts";
import { rule as sbx004 } from "./GA-SBX-004.ts";
import { rule as sbx005 } from "./GA-SBX-005.ts";
import { rule as sbx006 } from "./GA-SBX-006.ts";
import { rule as sbx007 } from "./GA-SBX-007.ts";
import { rule as sbx008 } from "./GA-SBX-008.ts";
import { rule as sbx009 } from "./GA-SBX-009.ts";
import { rule as drf001 } from "./GA-DRF-001.ts";
import { rule as drf002 } from "./GA-DRF-002.ts";
import { rule as drf003 } from "./GA-DRF-003.ts";
import { rule as prs001 } from "./GA-PRS-001.ts";
import { rule as prs002 } from "./GA-PRS-002.ts";
import { createIgnoreRule } from "./GA-IGN-001.ts";

/** Every rule, in the order of the catalogue. */
export const rules: readonly Rule[] = [
  xff001,
  xff002,
  xff003,
  xff004,
  xff005,
  xff006,
  xff007,
  xff008,
  xff009,
  xff010,
  xff011,
  str001,
  str002,
  str003,
  str004,
  str005,
  str006,
  str007,
  str008,
  str009,
  str010,
  str011,
  str012,
  str013,
  str014,
  str015,
  str016,
  str017,
  lif001,
  lif002,
  lif003,
  lif004,
  lif005,
  lif006,
  lif007,
  lif008,
  lif009,
  lif010,
  lif011,
  lif012,
  lif013,
  lif014,
  lif015,
  lif016,
  lif017,
  lif018,
  lif019,
  lif020,
  lif021,
  exp001,
  exp002,
  exp003,
  exp004,
  exp005,
  exp006,
  exp007,
  exp008,
  exp009,
  exp010,
  exp011,
  exp012,
  exp013,
  exp014,
  exp015,
  exp016,
  exp017,
  exp018,
  exp019,
  tls001,
  tls002,
  tls003,
  tls004,
  tls005,
  tls006,
  sbx001,
  sbx002,
  sbx003,
  sbx004,
  sbx005,
  sbx006,
  sbx007,
  sbx008,
  sbx009,
  drf001,
  drf002,
  drf003,
  prs001,
  prs002,
  createIgnoreRule(() => ruleIds),
];

const ruleIds: ReadonlySet<string> = new Set(rules.map((rule) => rule.id));

/** The rule of an id, in any case. */
export function findRule(id: string): Rule | undefined {
  return rules.find((rule) => rule.id === id.toUpperCase());
}
