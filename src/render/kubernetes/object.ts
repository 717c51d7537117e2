import type { RenderInput } from "../target.ts";

/** Any Kubernetes object. */
export type Manifest = Readonly<Record<string, unknown>>;

/** Name of every object of which there is one, and of the container. */
export const NAME = "gigastt";

/** Labels by which the other objects find the pods. */
export const SELECTOR: Readonly<Record<string, string>> = {
  "app.kubernetes.io/name": NAME,
  "app.kubernetes.io/component": "server",
};

/** And the pods of workers. */
export const WORKER_LABELS: Readonly<Record<string, string>> = {
  "app.kubernetes.io/name": NAME,
  "app.kubernetes.io/component": "worker",
};

/** Returns the metadata of an object. */
export function meta(
  { config }: RenderInput,
  name: string = NAME,
  annotations?: Readonly<Record<string, string>>,
): Manifest {
  return {
    name,
    namespace: config.deploy.kubernetes.namespace,
    labels: { ...SELECTOR, "app.kubernetes.io/managed-by": "gigastt" },
    ...(annotations === undefined ? {} : { annotations }),
  };
}
