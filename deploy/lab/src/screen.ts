/**
 * The one screen that `npm start` ends with: what runs where, and what is worth trying.
 */
import { relative } from "node:path";
import type { Lab } from "./lab.ts";
import type { LabProcess } from "./lab-process.ts";
import { laneText } from "./links/lane-text.ts";
import { PORT_BASE_DEFAULT } from "./options.ts";
import { HOST } from "./topology.ts";

const HINT_COLUMN = 42;

export function screen(lab: Lab): string {
  const several = lab.datacenters.length > 1;
  const away = lab.gatewayAddress !== `${HOST}:${PORT_BASE_DEFAULT}`;
  return [
    "",
    ...headline(lab),
    "",
    ...table(
      ["NAME", "WHAT", "PID", "PORTS"],
      lab.datacenters.flatMap(({ name, processes }) =>
        processes.map((one) => [
          several ? `${name}/${one.name}` : one.name,
          whatItIs(one),
          String(one.pid ?? "-"),
          portsOf(one),
        ]),
      ),
    ),
    "",
    ...(several ? [...linkLines(lab), ""] : []),
    several
      ? `  state ${shown(lab.stateDir)}   processes ${shown(lab.labFile)}`
      : `  state ${shown(lab.stateDir)}   ` +
        `logs ${shown(lab.stateDir)}/logs   processes ${shown(lab.labFile)}`,
    "",
    "Try next, in another terminal:",
    ...(away ? [`  export ATOLL_GATEWAY=${lab.gatewayAddress}`] : []),
    "  ./bin/atoll node list                   the nodes, as they are",
    "  ./bin/atoll apply -f roles/             make n1 and n2 useful",
    "  ./bin/atoll why node/n1                 what is wanted, what is there, what is done",
    "  ./bin/atoll event list --follow         what happens, as it happens; now kill -9 something",
    '  ./bin/atoll node maintain n1 --reason "a disk"   hands off a node',
    ...(several ? [linkHint(lab)] : []),
    "",
    "Ctrl-C stops everything. Processes that are killed are started again after a second.",
    "",
  ].join("\n");
}

function headline({ datacenters }: Lab): string[] {
  return datacenters.map(
    ({ name, gatewayAddress }) => `Datacenter ${name} runs; its gateway is ${gatewayAddress}.`,
  );
}

function linkHint({ datacenters }: Lab): string {
  const pair = datacenters.slice(0, 2).map(({ name }) => name);
  const command = `  ./bin/atoll lab cut ${pair.join(" ")}`;
  return `${command.padEnd(HINT_COLUMN)}a link goes down; then lab status, lab heal`;
}

function linkLines(lab: Lab): string[] {
  return table(
    ["LINK", "STATE"],
    lab.links.status().map((lane) => [`${lane.from} → ${lane.to}`, laneText(lane)]),
  );
}

/** Indented, each column as wide as it must be. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  return [head, ...rows].map((row) =>
    `  ${row.map((text, column) => text.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd(),
  );
}

function whatItIs(one: LabProcess): string {
  switch (one.spec.kind) {
    case "nats":
      return one.name === "nats" ? "nats-server" : "nats-server of a cluster";
    case "orchestrator":
      return "replica";
    case "gateway":
      return "gateway";
    case "agent":
      return one.spec.rootDir === "/"
        ? "agent of this machine (only looks)"
        : "agent of a lab node";
  }
}

function portsOf(one: LabProcess): string {
  return Object.entries(one.spec.ports)
    .map(([name, port]) => `${name} ${port}`)
    .join(", ");
}

function shown(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith("..") || short === "" ? path : short;
}
