import type { StoreApp } from "./app.ts";

/** Returns what TrueNAS asks before the installation: ports, folders, limits. */
export function truenasQuestions(app: StoreApp, memoryMiB: number): unknown {
  const groups = ["Network", ...(app.volumes.length > 0 ? ["Storage"] : []), "Resources"];
  return {
    groups: groups.map((name) => ({ name: `${name} Configuration`, description: `Configure ${name} for gigastt` })),
    questions: [
      section("network", "Network", [
        port("web_port", "Port of the page and the API", app.port),
        ...app.otherPorts.map((other) => port(`${other.name}_port`, `Port ${other.name}`, other.port)),
      ]),
      ...(app.volumes.length > 0
        ? [
            section(
              "storage",
              "Storage",
              app.volumes.map(({ name, path }) => folder(name, path)),
            ),
          ]
        : []),
      section("resources", "Resources", [
        variable("limits", "Limits", {
          type: "dict",
          attrs: [
            variable("cpus", "CPUs", { type: "int", default: 2, min: 1, required: true }),
            variable("memory", "Memory (in MB)", { type: "int", default: memoryMiB, min: memoryMiB, required: true }),
          ],
        }),
      ]),
    ],
  };
}

// ---

function variable(name: string, label: string, schema: unknown, description?: string): unknown {
  return { variable: name, label, ...(description === undefined ? {} : { description }), schema };
}

function section(name: string, group: string, attrs: readonly unknown[]): unknown {
  return { variable: name, label: "", group: `${group} Configuration`, schema: { type: "dict", attrs } };
}

function port(name: string, label: string, number: number): unknown {
  return variable(name, label, {
    type: "dict",
    attrs: [
      variable("bind_mode", "Port Bind Mode", {
        type: "string",
        default: "published",
        enum: [
          { value: "published", description: "Publish port on the host for external access" },
          { value: "exposed", description: "Expose port for inter-container communication" },
          { value: "", description: "None" },
        ],
      }),
      variable("port_number", "Port Number", { type: "int", default: number, min: 1, max: 65_535, required: true }),
      variable("host_ips", "Host IPs", {
        type: "list",
        show_if: [["bind_mode", "=", "published"]],
        default: [],
        items: [variable("host_ip", "Host IP", { type: "string", required: true, $ref: ["definitions/node_bind_ip"] })],
      }),
    ],
  });
}

function folder(name: string, path: string): unknown {
  return variable(
    name,
    `Folder ${name}`,
    {
      type: "dict",
      attrs: [
        variable("type", "Type", {
          type: "string",
          required: true,
          default: "ix_volume",
          enum: [
            { value: "host_path", description: "Host Path (Path that already exists on the system)" },
            { value: "ix_volume", description: "ixVolume (Dataset created automatically by the system)" },
          ],
        }),
        variable("ix_volume_config", "ixVolume Configuration", {
          type: "dict",
          show_if: [["type", "=", "ix_volume"]],
          $ref: ["normalize/ix_volume"],
          attrs: [
            variable("dataset_name", "Dataset Name", { type: "string", required: true, hidden: true, default: name }),
          ],
        }),
        variable("host_path_config", "Host Path Configuration", {
          type: "dict",
          show_if: [["type", "=", "host_path"]],
          attrs: [variable("path", "Host Path", { type: "hostpath", required: true })],
        }),
      ],
    },
    `Mounted at ${path} in the container.`,
  );
}
