/** What `gigastt bench` measured. Times in the unit of their name; `undefined` = not measured. */
export interface BenchReport {
  readonly version: 1;
  readonly measuredAt: string;
  readonly host: BenchHost;
  readonly model: MeasuredModel;
  readonly engine: { readonly workers: number | "auto"; readonly threads: number | "auto" };
  /** Process start to `/ready`. */
  readonly coldStartMs: number;
  readonly files: readonly FileFigure[];
  readonly streams: readonly StreamFigure[];
  /** True when the measurement was stopped: only whole stages are reported, and the limit is not known. */
  readonly interrupted: boolean;
  /** The largest number of real-time streams that kept up. */
  readonly sustainedStreams: number;
  readonly peakMemoryMb: number;
  readonly idleMemoryMb: number;
  /** SIGTERM to exit, with one live session. */
  readonly drainMs: number;
}

export interface MeasuredModel {
  readonly id: string;
  readonly precision: string;
  readonly bundleHash: string;
  /** `published` = as its file holds the encoder, `rewritten` = in the form that computes fast. */
  readonly encoderForm: string;
}

export interface BenchHost {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryMb: number;
  readonly node: string;
  readonly temperatureC: number | undefined;
  /** Raspberry Pi firmware flags in words; empty when nothing was throttled, undefined when the host has no such flags. */
  readonly throttling: readonly string[] | undefined;
}

export interface FileFigure {
  readonly seconds: number;
  /** Wall time over audio time; below 1 is faster than real time. */
  readonly rtf: number;
}

export interface StreamFigure {
  readonly streams: number;
  readonly firstPartialP50Ms: number | undefined;
  /** From the end of a word to its first appearance in any hypothesis. */
  readonly wordLagP50Ms: number | undefined;
  readonly wordLagP95Ms: number | undefined;
  /** From `stop` to the last final. */
  readonly finalP95Ms: number | undefined;
  readonly keptUp: boolean;
  /** Sessions the server refused to take, with its own reason. */
  readonly refused: number;
}

/** The value below which the given share of the numbers lies; undefined for none. */
export function percentile(values: readonly number[], share: number): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
}

/** The report as a table for people. */
export function formatReport(report: BenchReport): string {
  const { host, model } = report;
  const lines = [
    `${host.cpu}, ${host.cores} cores, ${Math.round(host.memoryMb / 1024)} GB, Node ${host.node}`,
    `model ${model.id} ${model.precision}, encoder ${model.encoderForm}`,
    "",
    `cold start        ${seconds(report.coldStartMs)}`,
    `memory            ${report.idleMemoryMb} MB idle, ${report.peakMemoryMb} MB peak`,
    `drain             ${seconds(report.drainMs)}`,
    "",
    "file        times real time",
    ...report.files.map(({ seconds: s, rtf }) => `${duration(s).padEnd(12)}${(1 / rtf).toFixed(1)}`),
    "",
    "streams  first partial  word lag p50 / p95  final p95  keeps up",
    ...report.streams.map((figure) =>
      [
        String(figure.streams).padEnd(9),
        seconds(figure.firstPartialP50Ms).padEnd(15),
        `${seconds(figure.wordLagP50Ms)} / ${seconds(figure.wordLagP95Ms)}`.padEnd(20),
        seconds(figure.finalP95Ms).padEnd(11),
        figure.keptUp ? "yes" : figure.refused > 0 ? `no, ${figure.refused} refused` : "no",
      ].join(""),
    ),
    "",
    report.interrupted
      ? "Interrupted: only the stages above are complete; the limit of this machine is unknown."
      : `This machine keeps up with ${report.sustainedStreams} live stream${report.sustainedStreams === 1 ? "" : "s"}.`,
  ];
  if (host.throttling && host.throttling.length > 0) {
    lines.push(
      `The processor was throttled (${host.throttling.join(", ")}): cool it or use a stronger supply and measure again.`,
    );
  }
  return `${lines.join("\n")}\n`;
}

function seconds(ms: number | undefined): string {
  return ms === undefined ? "–" : `${(ms / 1000).toFixed(2)} s`;
}

/** `5 s`, `10 min`. */
export function duration(s: number): string {
  return s < 120 ? `${s} s` : `${s / 60} min`;
}
