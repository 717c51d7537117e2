import { ROUTES } from "../../shared/protocol.ts";

/** Returns the address of a route below the page's own: a proxy may serve it under a path. */
export function at(path: string): string {
  return new URL(path.replace(/^\//, ""), document.baseURI.split("#")[0]).href;
}

/** Returns the path of what the supervisor knows. */
export function supervisorPart(part: "history" | "logs" | "config" | "audit"): string {
  return ROUTES.consoleSupervisor.path.replace("{part}", part);
}

export function webSocketAt(path: string): string {
  return at(path).replace(/^http/, "ws");
}
