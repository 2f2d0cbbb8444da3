/**
 * The one screen that `npm start` ends with: what runs where, and what is worth trying.
 */
import { relative } from "node:path";
import type { Lab } from "./lab.ts";
import type { LabProcess } from "./lab-process.ts";
import { PORT_BASE_DEFAULT } from "./options.ts";
import { HOST } from "./topology.ts";

export function screen(lab: Lab): string {
  const rows = lab.processes.map((one) => [
    one.name,
    whatItIs(one),
    String(one.pid ?? "-"),
    portsOf(one),
  ]);
  const head = ["NAME", "WHAT", "PID", "PORTS"];
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    `  ${row.map((text, column) => text.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd();
  const away = lab.gatewayAddress !== `${HOST}:${PORT_BASE_DEFAULT}`;
  return [
    "",
    `Datacenter ${lab.datacenter} runs; its gateway is ${lab.gatewayAddress}.`,
    "",
    line(head),
    ...rows.map(line),
    "",
    `  state ${shown(lab.stateDir)}   ` +
      `logs ${shown(lab.stateDir)}/logs   processes ${shown(lab.labFile)}`,
    "",
    "Try next, in another terminal:",
    ...(away ? [`  export ATOLL_GATEWAY=${lab.gatewayAddress}`] : []),
    "  ./bin/atoll node list                   the nodes, as they are",
    "  ./bin/atoll apply -f roles/             make n1 and n2 useful",
    "  ./bin/atoll why node/n1                 what is wanted, what is there, what is done",
    "  ./bin/atoll event list --follow         what happens, as it happens; now kill -9 something",
    '  ./bin/atoll node maintain n1 --reason "a disk"   hands off a node',
    "",
    "Ctrl-C stops everything. Processes that are killed are started again after a second.",
    "",
  ].join("\n");
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
