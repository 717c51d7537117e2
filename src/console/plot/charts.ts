import uPlot from "uplot";
import { CHARTS_ID, CHART_ATTRIBUTE } from "../../shared/chart.ts";
import type { Chart } from "../../shared/chart.ts";

// A file of its own: the page loads it with the first chart, and the reports of the command line carry it with them.

/** Draws a chart that follows the size of its box and the colours of the page. Returns what removes it. */
export function drawChart(box: HTMLElement, chart: Chart): () => void {
  const language = document.documentElement.lang || "en";
  const number = new Intl.NumberFormat(language, { maximumFractionDigits: chart.digits });
  const text = (value: number | null | undefined): string =>
    typeof value === "number" ? `${number.format(value)} ${chart.unit}`.trim() : "–";
  const names = chart.at.map(String);
  const isTimed = typeof chart.at[0] !== "string";
  const xs = isTimed ? (chart.at as readonly number[]) : names.map((_, index) => index); // looked at above
  const caption = document.createElement("figcaption");
  const title = document.createElement("span");
  const shown = document.createElement("output");
  title.textContent = chart.title;
  caption.append(title, shown);
  const canvas = document.createElement("div");
  canvas.role = "img";
  canvas.ariaLabel = `${chart.title}. ${chart.summary}`;
  box.replaceChildren(caption, canvas);
  const color = (name: string) => (): string => getComputedStyle(box).getPropertyValue(name).trim();
  const time = new Intl.DateTimeFormat(language, { dateStyle: "short", timeStyle: "short" });
  const place = (index: number): string => (isTimed ? time.format((xs[index] ?? 0) * 1000) : (names[index] ?? ""));
  const axis: uPlot.Axis = {
    stroke: color("--quiet"),
    grid: { stroke: color("--line"), width: 1 },
    ticks: { show: false },
  };
  const ticks = tickTimes(language, (xs.at(-1) ?? 0) - (xs[0] ?? 0));
  const bars = chart.kind === "bars" ? uPlot.paths.bars?.({ size: [0.8, 60] }) : undefined;
  const plot = new uPlot(
    {
      width: widthOf(box),
      height: HEIGHT,
      legend: { show: false },
      cursor: { y: false, drag: { setScale: false }, ...(isTimed ? { sync: { key: "gigastt" } } : {}) },
      scales: {
        x: isTimed ? { time: true } : { time: false, range: [-0.6, names.length - 0.4] },
        y: { range: (_plot, _low, high) => [0, high > 0 ? high * 1.1 : 1] },
      },
      axes: [
        {
          ...axis,
          size: 28,
          values: (_plot, at) => at.map((x) => (isTimed ? ticks.format(x * 1000) : (names[x] ?? ""))),
          ...(isTimed ? {} : { splits: () => [...xs] }),
        },
        {
          ...axis,
          // What is counted has no halves.
          ...(chart.digits === 0 ? { incrs: WHOLE } : {}),
          size: 56,
          values: (_plot, at) => at.map((y) => number.format(y)),
        },
      ],
      series: [
        {},
        {
          stroke: color("--accent"),
          fill: color(chart.kind === "bars" ? "--accent" : "--now"),
          width: 1.5,
          points: { show: false },
          ...(bars === undefined ? {} : { paths: bars }),
        },
      ],
      hooks: {
        setCursor: [
          ({ cursor: { idx } }) => {
            const hasPlace = typeof idx === "number" && chart.values[idx] !== undefined;
            shown.textContent = hasPlace
              ? `${place(idx)}: ${text(chart.values[idx])}`
              : text(chart.values.findLast(isKnown));
          },
        ],
      },
    },
    [xs as number[], chart.values as (number | null)[]], // it only reads them
    canvas,
  );
  shown.textContent = text(chart.values.findLast(isKnown));
  const resized = new ResizeObserver(() => plot.setSize({ width: widthOf(box), height: HEIGHT }));
  resized.observe(box);
  const redraw = (): void => plot.redraw(false);
  const themed = new MutationObserver(redraw);
  themed.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", redraw);
  return () => {
    resized.disconnect();
    themed.disconnect();
    scheme.removeEventListener("change", redraw);
    plot.destroy();
  };
}

// ---

const HEIGHT = 150;
const WHOLE = [0, 1, 2, 3, 4, 5, 6].flatMap((power) => [1, 2, 5].map((step) => step * 10 ** power));
const DAY_S = 86_400;

function widthOf(box: HTMLElement): number {
  return Math.max(100, Math.floor(box.clientWidth - 2 * Number.parseFloat(getComputedStyle(box).paddingLeft || "0")));
}

function isKnown(value: number | null): value is number {
  return value !== null;
}

/** Hours on a chart of a day, dates on a longer one. */
function tickTimes(language: string, spanS: number): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat(
    language,
    spanS <= DAY_S ? { hour: "2-digit", minute: "2-digit" } : { day: "2-digit", month: "2-digit" },
  );
}

/** A report is a page with nothing but this file and its numbers. */
function drawReport(): void {
  const holder = document.getElementById(CHARTS_ID);
  if (holder === null) return;
  const charts = JSON.parse(holder.textContent ?? "[]") as readonly Chart[]; // written by the same program
  charts.forEach((chart, index) => {
    const box = document.querySelector<HTMLElement>(`[${CHART_ATTRIBUTE}="${index}"]`);
    if (box !== null) drawChart(box, chart);
  });
}

drawReport();
