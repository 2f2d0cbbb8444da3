/**
 * `atoll storm list` and `storm release`: where healing is held because too much is broken at once.
 */
import type { Command } from "commander";
import {
  DatacenterServiceService,
  ListStormsResponse,
  Storm,
} from "@atoll/proto/atoll/v1/datacenter";
import type { CommandContext } from "../command-context.ts";
import { usageError } from "../failure.ts";
import { STORM_HEADING, stormRow } from "../render/storm.ts";
import { escapeLine } from "../render/escape.ts";
import { table } from "../render/table.ts";
import type { RunCommand } from "./command-runner.ts";

export function addStormCommands(program: Command, run: RunCommand): void {
  const storms = program
    .command("storm")
    .description("fault domains in which too many nodes ail at once, so that healing is held");
  storms.command("list").description("all of them").action(run(listStorms));
  storms
    .command("release")
    .description("let healing go on in a fault domain")
    .argument("<fault-domain>", "as `atoll storm list` shows it, for example rack:r1")
    .option("--reason <text>", "why, for others to read; at most 500 characters")
    .action(run(releaseStorm));
}

async function listStorms(context: CommandContext): Promise<void> {
  const { gateway } = context;
  const parent = await gateway.datacenter();
  const answer = await gateway.call(DatacenterServiceService.listStorms, { parent });
  await context.print(ListStormsResponse.toJSON(answer), () => {
    if (answer.storms.length === 0) {
      context.note("no storm: nothing is held");
      return [];
    }
    const rows = answer.storms.map((storm) => stormRow(storm, context.nowMs));
    return table(STORM_HEADING, rows, context.tableOptions);
  });
}

async function releaseStorm(
  context: CommandContext,
  faultDomain: string,
  options: { readonly reason?: string },
): Promise<void> {
  const { gateway } = context;
  if (options.reason === undefined) {
    throw usageError("a release needs a reason", "say it with --reason, others will wonder");
  }
  const storm = await gateway.call(DatacenterServiceService.releaseStorm, {
    name: await gateway.datacenter(),
    faultDomain,
    reason: options.reason,
    requestId: context.newRequestId(),
  });
  await context.print(Storm.toJSON(storm), () => [
    `the storm in ${escapeLine(storm.faultDomain)} is released: ` +
      `what ails ${storm.nodesNow} nodes is healed now`,
  ]);
}
