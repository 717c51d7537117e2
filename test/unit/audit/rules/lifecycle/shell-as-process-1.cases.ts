import { type CasesOfRule, casesOf, COMPOSE, DOCKER, KUBE, UNIT } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-LIF-008", [
  {
    name: "shell form",
    ...DOCKER,
    from: 'ENTRYPOINT ["node", "/opt/gigastt/bin/gigastt.js"]\nCMD ["serve"]',
    to: "ENTRYPOINT node /opt/gigastt/bin/gigastt.js serve",
    at: "ENTRYPOINT",
  },
  {
    name: "npm start",
    ...DOCKER,
    from: 'ENTRYPOINT ["node", "/opt/gigastt/bin/gigastt.js"]\nCMD ["serve"]',
    to: 'CMD ["npm", "start"]',
    at: "npm",
  },
  {
    name: "script without exec",
    ...DOCKER,
    from: 'ENTRYPOINT ["node", "/opt/gigastt/bin/gigastt.js"]\nCMD ["serve"]',
    to: 'ENTRYPOINT ["tini", "--", "/start.sh"]',
    add: { "start.sh": "#!/bin/sh\nset -e\n/opt/gigastt/gigastt serve\n" },
    at: "gigastt serve",
  },
  {
    name: "shell in a unit that signals one process",
    ...UNIT,
    from: "ExecStart=",
    to: "ExecStart=/bin/sh -c ",
    at: "KillMode",
  },
  {
    name: "shell in compose",
    ...COMPOSE,
    from: 'command: ["gigastt", "serve"]',
    to: 'command: ["sh", "-c", "gigastt serve"]',
    at: "sh",
  },
  {
    name: "shell in Kubernetes",
    ...KUBE,
    from: "          ports: [{name: http",
    to: '          command: ["/bin/sh", "-c", "sleep 1; gigastt serve"]\n          ports: [{name: http',
    at: "/bin/sh",
  },
]);
