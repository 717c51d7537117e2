import { type CasesOfRule, casesOf, COMPOSE, KUBE } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-EXP-001", [
  {
    name: "published port",
    ...COMPOSE,
    from: 'expose: ["9876"]',
    to: 'ports: ["9876:9876"]',
    at: "9876:9876",
  },
  {
    name: "default of an unset variable",
    ...COMPOSE,
    from: 'expose: ["9876"]',
    to: 'ports: ["${APP_PORT:-9876}:9876"]',
    at: "APP_PORT",
  },
  {
    name: "network of the host",
    ...COMPOSE,
    from: "    environment:\n",
    to: "    network_mode: host\n    environment:\n      GIGASTT_HOST: 0.0.0.0\n",
    at: "network_mode",
  },
  {
    name: "Wyoming for every machine",
    ...COMPOSE,
    from: 'expose: ["9876"]',
    to: 'expose: ["9876"]\n    ports: ["10300:10300"]',
    at: "10300",
  },
  {
    name: "Wyoming behind a balancer of the cluster",
    ...KUBE,
    from: "",
    to: "",
    add: {
      "wyoming.yaml":
        "apiVersion: v1\nkind: Service\nmetadata: {name: wyoming, namespace: stt}\nspec:\n  type: LoadBalancer\n  selector: {app: gigastt}\n  ports: [{port: 10300}]\n",
    },
    at: "LoadBalancer",
  },
]);
