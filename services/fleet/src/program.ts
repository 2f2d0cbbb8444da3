/**
 * The command line: what there is, and what each option takes. All options but a few are the values
 * of a scenario.
 */
import { Command } from "commander";
import { WORKER_COMMAND } from "./load/coordinator.ts";
import { formatDuration } from "./scenario/quantity.ts";
import { type Field, FIELD_NAMES, FIELDS, keyOf } from "./scenario/scenario.ts";
import type { FleetOptions } from "./config.ts";

export interface ProgramActions {
  readonly run: (options: FleetOptions) => Promise<void>;
  readonly work: () => Promise<void>;
}

const EXIT_STATUS_HELP = `
A scenario is a YAML mapping of the same names (factsPerSecond: 500); options win over it.
Nodes get services only by roles: apply one that matches their labels, for example
  { kind: Role, name: load, match: { labels: { fleet: load } },
    services: [{ name: app, command: [app] }] }
and run with --labels fleet=load. Nothing of it really runs.

Exit status:
  0    everything was committed, no order ran twice or unfenced
  1    it was not, or the run failed
  2    the options or the scenario are wrong
  130  ended by Ctrl-C`;

export function buildProgram({ run, work }: ProgramActions): Command {
  const program = new Command("atoll-fleet")
    .description(
      "Puts a fleet of simulated nodes on a datacenter: whole agents over real connections.",
    )
    .showHelpAfterError("`atoll-fleet --help` shows what there is")
    .option("--nats <url>", "nats://HOST:PORT, several with commas (ATOLL_NATS_URL)")
    .option("--datacenter <name>", "the datacenter they belong to (ATOLL_DATACENTER)")
    .option("--scenario <file>", "what to do, as YAML")
    .option("-o, --output <format>", "of the report: text or json (default text)");
  for (const name of FIELD_NAMES) {
    const field = FIELDS[name];
    const flag = keyOf(name).replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    program.option(`--${flag} <${wordOf(field)}>`, `${field.help}${defaultOf(field)}`);
  }
  program.addHelpText("after", EXIT_STATUS_HELP);
  program.action(() => run(program.opts()));
  program.command(WORKER_COMMAND, { hidden: true }).action(work);
  return program;
}

function wordOf(field: Field): string {
  switch (field.type) {
    case "count":
      return "number";
    case "duration":
      return "duration";
    case "name":
      return "name";
    case "labels":
      return "pairs";
    case "rackOutages":
    case "reconnects":
      return "when";
  }
}

function defaultOf(field: Field): string {
  if (!("default" in field)) return "";
  const shown = field.type === "duration" ? formatDuration(field.default) : String(field.default);
  return ` (default ${shown})`;
}
