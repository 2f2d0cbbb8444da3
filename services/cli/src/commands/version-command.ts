/**
 * `atoll version`: what this command is and what it runs on.
 */
import type { Command } from "commander";
import type { CommandContext } from "../command-context.ts";
import { VERSION } from "../version.ts";
import type { RunCommand } from "./command-runner.ts";

export function addVersionCommand(program: Command, run: RunCommand): void {
  program
    .command("version")
    .description("the version of this command")
    .action(
      run((context: CommandContext) =>
        context.print({ version: VERSION, api: "atoll.v1" }, () => [
          `atoll ${VERSION}, speaks atoll.v1`,
        ]),
      ),
    );
}
