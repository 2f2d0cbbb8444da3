/**
 * What joins a parsed command line to the function that does the work.
 *
 * Each file of commands gets one `RunCommand` from `app.ts`; handlers get a fresh context, then
 * their arguments and options. Options that several commands share are added here, so that they
 * read the same everywhere.
 */
import type { Command } from "commander";
import type { CommandContext } from "../command-context.ts";

export type Handler<Parameters extends readonly unknown[]> = (
  context: CommandContext,
  ...parameters: Parameters
) => Promise<void>;

export type RunCommand = <Parameters extends readonly unknown[]>(
  handler: Handler<Parameters>,
) => (...parameters: [...Parameters, Command]) => Promise<void>;

/** For commands that start an operation. */
export function addWaitOptions(command: Command): Command {
  return command
    .option("--wait", "wait until the operation has ended (default)")
    .option("--no-wait", "return as soon as the request is recorded")
    .option("--wait-timeout <duration>", "how long to wait, for example 30s (default 10m)");
}

export const FILTER_HELP = 'for example: state = READY AND labels.rack = "r1"';
