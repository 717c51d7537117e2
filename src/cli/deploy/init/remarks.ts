import type { ResolvedConfig } from "../../../config/types.ts";
import { isReadableByUnits, type Answers } from "./answers.ts";
import { isPortFree, whereLeads, type Machine } from "./detect.ts";

/** What stands in the way on this machine: programs, ports, names, memory. */
export async function remarksOn(
  answers: Answers,
  machine: Machine,
  { deploy, server }: ResolvedConfig,
): Promise<readonly string[]> {
  const { httpPort, httpsPort } = deploy;
  const { port: serverPort } = server;
  const remarks: string[] = [];
  if (answers.target === "compose" && machine.docker === undefined)
    remarks.push("no Docker engine is running here: install it, or copy the folder to the machine that has one");
  if (answers.target === "kubernetes" && machine.kubectl === undefined) remarks.push("kubectl is not installed here");
  if (answers.target === "host" && answers.proxy !== "none" && machine[answers.proxy] === undefined)
    remarks.push(`${answers.proxy} is not installed here`);
  if (answers.target === "host" && machine.systemd && !isReadableByUnits(machine.node))
    remarks.push(
      `this Node (${machine.node}) lies where a service cannot read it: install one for the whole machine, or set deploy.systemd.nodePath`,
    );
  if ((answers.auth === "basic" || answers.auth === "keys") && answers.firstName === undefined)
    remarks.push(
      `no access yet: every request is refused until there is a ${answers.auth === "basic" ? "user" : "key"}: gigastt secrets create ${answers.auth === "basic" ? "user NAME" : "key NAME"}`,
    );
  if (answers.auth === "none" && answers.proxy !== "none")
    remarks.push(
      "no password is required: any client that reaches the proxy may use the service. To require one: --auth basic",
    );
  if (answers.target !== "kubernetes" && answers.proxy !== "none") {
    const installed = answers.target === "host" && machine[answers.proxy] !== undefined;
    for (const port of answers.tls === "none" ? [httpPort] : [httpPort, httpsPort]) {
      // An installed proxy holds its own ports already.
      if (!installed && !(await isPortFree(port)))
        remarks.push(
          `port ${port} is taken on this machine: stop the other program, or set deploy.${port === httpPort ? "httpPort" : "httpsPort"}`,
        );
    }
  }
  if (answers.target === "host" && !(await isPortFree(serverPort)))
    remarks.push(`port ${serverPort} is taken: a server may already run here; else set server.port`);
  if (answers.domain !== undefined && answers.tls === "acme" && answers.target !== "kubernetes") {
    const { to, addresses } = await whereLeads(answers.domain);
    if (to === "unknown")
      remarks.push(
        `${answers.domain} is not in DNS yet: Let's Encrypt needs an A or AAAA record that points to this machine`,
      );
    if (to === "elsewhere")
      remarks.push(
        `${answers.domain} resolves to ${addresses.join(", ")}, which is not an address of this machine: correct behind a router, wrong otherwise`,
      );
  }
  if (machine.memoryMiB < 2048) remarks.push(`${machine.memoryMiB} MiB of memory: use the int8 model and pool.size 2`);
  return remarks;
}
