/**
 * `atoll limits show` and `limits set`: how much is taken away, and how much healed, at once.
 */
import type { Command } from "commander";
import { Datacenter, DatacenterServiceService } from "@atoll/proto/atoll/v1/datacenter";
import { ActionLimits } from "@atoll/proto/atoll/type/v1/action_limits";
import type { CommandContext } from "../command-context.ts";
import { usageError } from "../failure.ts";
import { limitsLines } from "../render/limits.ts";
import type { RunCommand } from "./command-runner.ts";

interface LimitsOptions {
  readonly reason?: string;
  readonly disruptedPercent?: string;
  readonly disruptionsPerNode?: string;
  readonly settleMs?: string;
  readonly stormPercent?: string;
  readonly stormNodes?: string;
}

export function addLimitsCommands(program: Command, run: RunCommand): void {
  const limits = program
    .command("limits")
    .description("how much is taken away, and how much healed, at once");
  limits.command("show").description("what they are, by whom and why").action(run(showLimits));
  limits
    .command("set")
    .description("set some of them; the others stay as they are")
    .option("--disrupted-percent <n>", "of the nodes of a fault domain at once, and always one")
    .option("--disruptions-per-node <n>", "at once on one node")
    .option("--settle-ms <n>", "how long a new service must be healthy before the next node")
    .option("--storm-percent <n>", "more of a fault domain that ail at once hold healing")
    .option("--storm-nodes <n>", "fewer never do")
    .option("--reason <text>", "why, for others to read; at most 500 characters")
    .action(run(setLimits));
}

async function showLimits(context: CommandContext): Promise<void> {
  const { gateway } = context;
  const name = await gateway.datacenter();
  await print(context, await gateway.call(DatacenterServiceService.getDatacenter, { name }));
}

async function setLimits(context: CommandContext, options: LimitsOptions): Promise<void> {
  const { gateway } = context;
  const given = ActionLimits.fromPartial({
    disruptedPercentMax: numberOf("--disrupted-percent", options.disruptedPercent),
    disruptionsPerNodeMax: numberOf("--disruptions-per-node", options.disruptionsPerNode),
    settleMs: numberOf("--settle-ms", options.settleMs),
    stormPercent: numberOf("--storm-percent", options.stormPercent),
    stormNodesMin: numberOf("--storm-nodes", options.stormNodes),
  });
  if (Object.values(given).every((value) => value === undefined)) {
    throw usageError("no limit is given", "for example --storm-percent 50");
  }
  if (options.reason === undefined) {
    throw usageError("a change of limits needs a reason", "say it with --reason");
  }
  const datacenter = await gateway.call(DatacenterServiceService.setActionLimits, {
    name: await gateway.datacenter(),
    limits: given,
    reason: options.reason,
    requestId: context.newRequestId(),
  });
  await print(context, datacenter);
}

async function print(context: CommandContext, datacenter: Datacenter): Promise<void> {
  await context.print(Datacenter.toJSON(datacenter), () =>
    limitsLines(datacenter.limits, context.nowMs, context.tableOptions.paint),
  );
}

function numberOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) {
    throw usageError(
      `${option} takes a whole number, not ${JSON.stringify(text)}`,
      "for example 50",
    );
  }
  return Number(text);
}
