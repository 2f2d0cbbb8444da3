/**
 * `atoll pause` and `atoll resume`: the switch that keeps a whole datacenter from being acted upon.
 */
import type { Command } from "commander";
import { Datacenter, DatacenterServiceService } from "@atoll/proto/atoll/v1/datacenter";
import type { CommandContext } from "../command-context.ts";
import { usageError } from "../failure.ts";
import { pauseText } from "../render/pause.ts";
import type { RunCommand } from "./command-runner.ts";

interface PauseOptions {
  readonly reason?: string;
}

export function addPauseCommands(program: Command, run: RunCommand): void {
  program
    .command("pause")
    .description("order nothing new on any node of the datacenter; what runs ends")
    .option("--reason <text>", "why, for others to read; at most 500 characters")
    .action(run(pause));
  program
    .command("resume")
    .description("end the pause: what is wanted is brought about again")
    .action(run(resume));
}

async function pause(context: CommandContext, options: PauseOptions): Promise<void> {
  const { gateway } = context;
  if (options.reason === undefined) {
    throw usageError("a pause needs a reason", "say it with --reason, others will wonder");
  }
  const datacenter = await gateway.call(DatacenterServiceService.pauseActions, {
    name: await gateway.datacenter(),
    reason: options.reason,
    requestId: context.newRequestId(),
  });
  await context.print(Datacenter.toJSON(datacenter), () => [
    datacenter.pause === undefined
      ? "actions were resumed by somebody else"
      : `actions are ${pauseText(datacenter.pause, context.nowMs)}`,
  ]);
}

async function resume(context: CommandContext): Promise<void> {
  const { gateway } = context;
  const datacenter = await gateway.call(DatacenterServiceService.resumeActions, {
    name: await gateway.datacenter(),
    requestId: context.newRequestId(),
  });
  await context.print(Datacenter.toJSON(datacenter), () => [
    datacenter.pause === undefined
      ? "actions are resumed"
      : `actions are ${pauseText(datacenter.pause, context.nowMs)}`,
  ]);
}
