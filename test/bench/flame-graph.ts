/**
 * Draws what a process spent its time on, from a profile that Node wrote (`--cpu-prof`).
 *
 * Gives one SVG that any browser shows: a box for each function, as wide as its share of the time,
 * its callees on top of it; pointing at a box tells the rest. Idle time and the loading of modules
 * are left out. Pure.
 */

/** As V8 writes it; times in microseconds. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  /** The node at each sample, and the time since the sample before. */
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    readonly lineNumber: number;
  };
  readonly children?: readonly number[];
}

interface Frame {
  readonly name: string;
  readonly place: string;
  ownUs: number;
  totalUs: number;
  readonly callees: Map<string, Frame>;
}

const WIDTH = 1_200;
const ROW = 17;
const HEADER = 30;
/** Narrower boxes are left out. */
const WIDTH_MIN = 0.5;
const CHARACTER_WIDTH = 6.6;
const IDLE = new Set(["(idle)", "(root)"]);
/** The reading of modules at the start, which says nothing about what comes then. */
const LOADER = "node:internal/modules/";

/** @returns an SVG document. An empty profile gives an empty picture with its title. */
export function flameGraph(profile: CpuProfile, title: string): string {
  const root = framesOf(profile);
  const boxes: string[] = [];
  const depth = draw(root, { x: 0, level: 0, scale: WIDTH / Math.max(1, root.totalUs) }, boxes);
  const height = HEADER + depth * ROW;
  const busy = `${(root.totalUs / 1e6).toFixed(2)} s busy`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}"` +
      ` viewBox="0 0 ${WIDTH} ${height}" font-family="monospace" font-size="11">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    `<text x="8" y="19" font-size="14">${escaped(`${title}: ${busy}`)}</text>`,
    `<g transform="translate(0 ${height})">`,
    ...boxes,
    `</g></svg>`,
    ``,
  ].join("\n");
}

function framesOf({ nodes, samples, timeDeltas }: CpuProfile): Frame {
  const ownUs = new Map<number, number>();
  samples.forEach((id, at) => ownUs.set(id, (ownUs.get(id) ?? 0) + (timeDeltas[at] ?? 0)));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const root: Frame = { name: "all", place: "", ownUs: 0, totalUs: 0, callees: new Map() };
  const first = nodes[0];
  if (first !== undefined) addCallees(root, first, { byId, ownUs });
  return root;
}

/** Adds the callees of `node` to `into`, joining those of one name and place. */
function addCallees(
  into: Frame,
  node: ProfileNode,
  known: {
    readonly byId: ReadonlyMap<number, ProfileNode>;
    readonly ownUs: ReadonlyMap<number, number>;
  },
): void {
  for (const id of node.children ?? []) {
    const callee = known.byId.get(id);
    if (callee === undefined) continue;
    const { functionName, url, lineNumber } = callee.callFrame;
    if (IDLE.has(functionName) || url.startsWith(LOADER)) continue;
    const name = functionName === "" ? "(anonymous)" : functionName;
    const place = placeOf(url, lineNumber + 1);
    const key = `${name} ${place}`;
    const fresh: Frame = { name, place, ownUs: 0, totalUs: 0, callees: new Map() };
    const frame = into.callees.get(key) ?? fresh;
    into.callees.set(key, frame);
    const before = frame.totalUs;
    frame.ownUs += known.ownUs.get(id) ?? 0;
    frame.totalUs += known.ownUs.get(id) ?? 0;
    addCallees(frame, callee, known);
    into.totalUs += frame.totalUs - before;
  }
}

/** Node's own and native code as they are named; of files, the last two parts of the path. */
function placeOf(url: string, line: number): string {
  if (url === "") return "native";
  const file = url.startsWith("node:") ? url : url.split("/").slice(-2).join("/");
  return `${file}:${line}`;
}

/** Draws a frame and what is on top of it; returns how many rows they take. */
function draw(
  frame: Frame,
  at: { readonly x: number; readonly level: number; readonly scale: number },
  boxes: string[],
): number {
  const width = frame.totalUs * at.scale;
  if (width < WIDTH_MIN) return 0;
  const share = ((100 * width) / WIDTH).toFixed(1);
  const y = -(at.level + 1) * ROW;
  const fits = Math.floor((width - 4) / CHARACTER_WIDTH);
  const label = fits < 3 ? "" : frame.name.slice(0, fits);
  const told = `${frame.name} ${frame.place} — ${share} %, ${(frame.totalUs / 1e3).toFixed(1)} ms`;
  boxes.push(
    `<g><title>${escaped(told)}</title><rect x="${at.x.toFixed(1)}" y="${y}"` +
      ` width="${width.toFixed(1)}" height="${ROW - 1}" fill="${colour(frame.place)}"/>` +
      `<text x="${(at.x + 2).toFixed(1)}" y="${y + 12}">${escaped(label)}</text></g>`,
  );
  let { x } = at;
  let rows = 0;
  for (const callee of [...frame.callees.values()].toSorted((a, b) => b.totalUs - a.totalUs)) {
    rows = Math.max(rows, draw(callee, { ...at, x, level: at.level + 1 }, boxes));
    x += callee.totalUs * at.scale;
  }
  return rows + 1;
}

/** By whose code it is: ours, a library's, Node's own, native. */
function colour(place: string): string {
  if (place === "" || place === "native") return "#c9c9c9";
  if (place.startsWith("node:")) return "#a9c7e8";
  if (place.includes(".ts:")) return "#f2a65a";
  return "#e8d8a0";
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
