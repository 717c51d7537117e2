/** A panel of the dashboard: a title, a unit of Grafana, and queries with their legends. */
interface Panel {
  readonly title: string;
  readonly description: string;
  readonly unit: string;
  readonly kind: "stat" | "timeseries";
  readonly queries: readonly (readonly [expr: string, legend: string])[];
}

/** Replaced by the variables of the dashboard. */
const BY = 'job="$job",instance=~"$instance"';
const of = (metric: string, labels = ""): string => `${metric}{${BY}${labels === "" ? "" : `,${labels}`}}`;
const rate = (metric: string, labels = ""): string => `rate(${of(metric, labels)}[$__rate_interval])`;
const quantiles = (histogram: string): Panel["queries"] =>
  [0.5, 0.95, 0.99].map((q) => [
    `histogram_quantile(${q}, sum by (le) (${rate(`${histogram}_bucket`)}))`,
    `${q * 100} %`,
  ]);
const stat = (title: string, description: string, unit: string, expr: string, legend = ""): Panel => ({
  title,
  description,
  unit,
  kind: "stat",
  queries: [[expr, legend]],
});
const graph = (title: string, description: string, unit: string, queries: Panel["queries"]): Panel => ({
  title,
  description,
  unit,
  kind: "timeseries",
  queries,
});

const ROWS: readonly (readonly [title: string, panels: readonly Panel[]])[] = [
  [
    "Service",
    [
      stat("Ready", "1 while new work is accepted", "none", `min(${of("gigastt_ready")})`),
      stat("Model", "Model in use", "none", of("gigastt_model_info"), "{{model}} {{precision}}"),
      stat("Issues", "What gigastt status shows", "none", `count(${of("gigastt_issue")}) or vector(0)`),
      stat("Running for", "Since the last start", "s", `time() - max(${of("process_start_time_seconds")})`),
    ],
  ],
  [
    "Queue",
    [
      graph("Slots", "In use, and all", "none", [
        [`sum(${of("gigastt_pool_total")} - ${of("gigastt_pool_available")})`, "in use"],
        [`sum(${of("gigastt_pool_total")})`, "all"],
        [`sum(${of("gigastt_pool_waiters")})`, "waiting"],
      ]),
      graph("Wait for a slot", "Of the work that got one", "s", quantiles("gigastt_pool_checkout_duration_seconds")),
      graph("Refusals", "By code", "reqps", [[`sum by (code) (${rate("gigastt_errors_total")})`, "{{code}}"]]),
    ],
  ],
  [
    "Requests",
    [
      graph("Requests", "By route", "reqps", [[`sum by (path) (${rate("gigastt_http_requests_total")})`, "{{path}}"]]),
      graph(
        "Duration",
        "From the headers to the last byte of the answer",
        "s",
        quantiles("gigastt_http_request_duration_seconds"),
      ),
      graph("Failures", "5xx without deliberate 503", "reqps", [
        [`sum by (path) (${rate("gigastt_http_requests_total", 'status=~"5..",status!="503"')})`, "{{path}}"],
      ]),
    ],
  ],
  [
    "Live sessions",
    [
      graph("Sessions", "Open, speaking, and what the machine keeps up with", "none", [
        [`sum(${of("gigastt_ws_active_connections")})`, "open"],
        [`sum(${of("gigastt_live_speaking")})`, "speaking"],
        [`sum(${of("gigastt_live_sustainable")})`, "sustainable"],
      ]),
      graph(
        "First words",
        "From the first audio to the first partial result",
        "s",
        quantiles("gigastt_first_partial_seconds"),
      ),
      graph("Ends", "By close code", "none", [[`sum by (code) (${rate("gigastt_ws_closes_total")})`, "{{code}}"]]),
    ],
  ],
  [
    "Engine",
    [
      graph("Audio recognised", "Seconds of audio per second", "none", [
        [`sum(${rate("gigastt_audio_seconds_total")})`, "speed"],
      ]),
      graph("Workers", "At work, and all", "none", [
        [`sum(${of("gigastt_workers_busy")})`, "busy"],
        [`sum(${of("gigastt_workers")})`, "all"],
        [`sum(${of("gigastt_inference_queue_windows")})`, "waiting windows"],
      ]),
      graph(
        "Computing time per second of audio",
        "Below 1 is faster than speech",
        "none",
        quantiles("gigastt_inference_real_time_factor"),
      ),
    ],
  ],
  [
    "Jobs",
    [
      graph("Jobs", "By state", "none", [
        [`sum(${of("gigastt_jobs_queued")})`, "queued"],
        [`sum(${of("gigastt_jobs_active")})`, "active"],
        [`sum(${of("gigastt_jobs_dead")})`, "failed"],
      ]),
      graph("Oldest job", "How long it has waited", "s", [[`max(${of("gigastt_jobs_oldest_seconds")})`, "wait"]]),
      graph("Waiting audio", "Where its length is known", "s", [
        [`sum(${of("gigastt_jobs_waiting_audio_seconds")})`, "audio"],
      ]),
    ],
  ],
  [
    "Process",
    [
      graph("Memory", "Resident, and what uploads hold", "bytes", [
        [`sum by (instance) (${of("process_resident_memory_bytes")})`, "{{instance}}"],
        [`sum(${of("gigastt_upload_bytes")})`, "uploads"],
      ]),
      graph("CPU", "Cores in use", "none", [
        [`sum by (instance) (${rate("process_cpu_seconds_total")})`, "{{instance}}"],
      ]),
      graph("Event loop delay", "99 %", "s", [
        [of("gigastt_event_loop_lag_seconds", 'quantile="0.99"'), "{{instance}}"],
      ]),
      graph("Restarts", "After unexpected ends", "none", [[of("gigastt_process_restarts"), "{{process}}"]]),
      graph("Free space", "Where state and models are", "bytes", [[of("gigastt_disk_free_bytes"), "{{disk}}"]]),
      graph("Certificates", "Days left", "d", [[of("gigastt_certificate_days_left"), "{{file}}"]]),
    ],
  ],
];

/** Columns of Grafana's grid. */
const WIDTH = 24;
const HEIGHT = { stat: 4, timeseries: 8 } as const;

/** Returns the dashboard as Grafana reads it. */
export function dashboard(): Readonly<Record<string, unknown>> {
  let id = 0;
  let y = 0;
  const panels = ROWS.flatMap(([title, row]) => {
    const head = {
      id: ++id,
      type: "row",
      title,
      collapsed: false,
      gridPos: { x: 0, y: y++, w: WIDTH, h: 1 },
      panels: [],
    };
    const perLine = Math.min(row.length, row.length === 4 ? 4 : 3);
    const w = WIDTH / perLine;
    const placed = row.map((panel, index) => {
      const h = HEIGHT[panel.kind];
      if (index > 0 && index % perLine === 0) y += h;
      return panelJson(panel, ++id, { x: (index % perLine) * w, y, w, h });
    });
    y += HEIGHT[row[0]?.kind ?? "stat"];
    return [head, ...placed];
  });
  return {
    uid: "gigastt",
    title: "gigastt",
    tags: ["gigastt"],
    schemaVersion: 39,
    version: 1,
    editable: true,
    timezone: "browser",
    refresh: "30s",
    time: { from: "now-6h", to: "now" },
    templating: {
      list: [
        SOURCE,
        variable("job", "gigastt_ready"),
        { ...variable("instance", 'gigastt_ready{job="$job"}'), ...ALL },
      ],
    },
    panels,
  };
}

// ---

const DATA_SOURCE = { type: "prometheus", uid: "${source}" };
const SOURCE = { name: "source", label: "Data source", type: "datasource", query: "prometheus", refresh: 1 };
const ALL = { multi: true, includeAll: true, current: { text: "All", value: "$__all" } };

function variable(name: string, of: string): Readonly<Record<string, unknown>> {
  const query = `label_values(${of}, ${name})`;
  return {
    name,
    type: "query",
    datasource: DATA_SOURCE,
    query: { query, refId: name },
    definition: query,
    refresh: 2,
    sort: 1,
  };
}

function panelJson({ title, description, unit, kind, queries }: Panel, id: number, gridPos: unknown): unknown {
  return {
    id,
    type: kind,
    title,
    description,
    gridPos,
    datasource: DATA_SOURCE,
    targets: queries.map(([expr, legendFormat], index) => ({
      refId: String.fromCharCode(65 + index),
      datasource: DATA_SOURCE,
      expr,
      ...(legendFormat === "" ? {} : { legendFormat }),
    })),
    fieldConfig: { defaults: { unit, min: unit === "d" ? null : 0 }, overrides: [] },
    options:
      kind === "stat"
        ? {
            reduceOptions: { calcs: ["lastNotNull"], values: false },
            // The name of a model is in its legend.
            textMode: queries[0]?.[1] === "" ? "value" : "name",
          }
        : { legend: { displayMode: "list", placement: "bottom" }, tooltip: { mode: "multi" } },
  };
}
