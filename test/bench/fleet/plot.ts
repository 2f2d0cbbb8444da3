/**
 * Draws lines over time, one panel above the other, as an SVG that any browser shows. Pure.
 */
export interface Line {
  readonly name: string;
  /** One for each moment; undefined where there is none. */
  readonly values: readonly (number | undefined)[];
}

export interface Panel {
  readonly title: string;
  readonly lines: readonly Line[];
}

export interface Plot {
  readonly title: string;
  readonly subtitle: string;
  /** Moments, in seconds from the beginning, ascending. */
  readonly seconds: readonly number[];
  readonly panels: readonly Panel[];
  /** Spans of time with a name, shaded in turn. */
  readonly phases: readonly { readonly name: string; readonly from: number; readonly to: number }[];
}

const WIDTH = 1_000;
const PANEL_HEIGHT = 170;
const GAP = 46;
const TOP = 76;
const LEFT = 64;
const RIGHT = 190;
const TICKS = 4;
const COLOURS = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b"];
const INK = "#333";

export function drawPlot(plot: Plot): string {
  const height = TOP + plot.panels.length * (PANEL_HEIGHT + GAP) + 10;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" ` +
      `viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12" fill="${INK}">`,
    `<rect width="${WIDTH}" height="${height}" fill="white"/>`,
    text(LEFT, 22, plot.title, 'font-size="16" font-weight="bold"'),
    text(LEFT, 40, plot.subtitle, 'fill="#666"'),
    ...plot.panels.flatMap((panel, at) => drawPanel(plot, panel, TOP + at * (PANEL_HEIGHT + GAP))),
    "</svg>\n",
  ].join("\n");
}

function drawPanel(plot: Plot, panel: Panel, top: number): string[] {
  const last = plot.seconds.at(-1) ?? 1;
  const all = panel.lines.flatMap(({ values }) => values.filter((value) => value !== undefined));
  const most = niceCeiling(all.reduce((greatest, value) => Math.max(greatest, value), 0));
  const x = (seconds: number): number => LEFT + (seconds / last) * (WIDTH - LEFT - RIGHT);
  const y = (value: number): number => top + PANEL_HEIGHT - (value / most) * PANEL_HEIGHT;
  const ticks = Array.from({ length: TICKS + 1 }, (_, tick) => tick / TICKS);
  return [
    ...plot.phases.flatMap(({ name, from, to }, at) => [
      `<rect x="${round(x(from))}" y="${top}" width="${round(x(to) - x(from))}" ` +
        `height="${PANEL_HEIGHT}" fill="${at % 2 === 0 ? "#f4f4f4" : "#fbfbfb"}"/>`,
      text(x(from) + 4, top + 13, name, 'fill="#999" font-size="10"'),
    ]),
    text(LEFT, top - 6, panel.title, 'font-weight="bold"'),
    ...ticks.flatMap((share) => [
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${round(y(share * most))}" ` +
        `y2="${round(y(share * most))}" stroke="#ddd"/>`,
      text(LEFT - 6, y(share * most) + 4, show(share * most), 'text-anchor="end"'),
      text(x(share * last), top + PANEL_HEIGHT + 15, `${show(share * last)} s`, ANCHOR_MIDDLE),
    ]),
    ...panel.lines.flatMap((line, at) => {
      const colour = COLOURS[at % COLOURS.length] ?? INK;
      const legend = top + 12 + at * 17;
      return [
        `<path d="${path(plot.seconds, line.values, x, y)}" fill="none" stroke="${colour}" ` +
          'stroke-width="1.5"/>',
        `<line x1="${WIDTH - RIGHT + 12}" x2="${WIDTH - RIGHT + 30}" y1="${legend}" ` +
          `y2="${legend}" stroke="${colour}" stroke-width="3"/>`,
        text(WIDTH - RIGHT + 36, legend + 4, line.name, ""),
      ];
    }),
  ];
}

const ANCHOR_MIDDLE = 'text-anchor="middle"';

/** A line breaks off where a value is missing. */
function path(
  seconds: readonly number[],
  values: readonly (number | undefined)[],
  x: (seconds: number) => number,
  y: (value: number) => number,
): string {
  let pen = "M";
  return values
    .map((value, at) => {
      if (value === undefined) {
        pen = "M";
        return "";
      }
      const point = `${pen}${round(x(seconds[at] ?? 0))} ${round(y(value))}`;
      pen = "L";
      return point;
    })
    .join("");
}

/** 1, 2, 2.5 or 5 with zeros, at least `value`. */
function niceCeiling(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 2.5, 5, 10].find((each) => each * power >= value) ?? 10;
  return step * power;
}

function show(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString("en-US");
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function text(x: number, y: number, words: string, attributes: string): string {
  const safe = words.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text x="${round(x)}" y="${round(y)}" ${attributes}>${safe}</text>`;
}
