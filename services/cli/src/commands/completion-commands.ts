/**
 * `atoll completion SHELL`, and the hidden command that the shells' scripts call at each tab.
 */
import type { Command } from "commander";
import type { CommandContext } from "../command-context.ts";
import { candidatesFor } from "../completion/candidates.ts";
import { COMPLETION_SCRIPTS, type Shell } from "../completion/scripts.ts";
import { usageError } from "../failure.ts";
import { labDatacenters } from "../lab/lab-file.ts";
import { knownNames } from "../known-names.ts";
import { escapeLine } from "../render/escape.ts";
import type { RunCommand } from "./command-runner.ts";

/** Called by the scripts with the words of the command line up to the cursor. */
export const COMPLETE_COMMAND = "__complete";

export function addCompletionCommands(program: Command, run: RunCommand): void {
  program
    .command("completion")
    .description("print a script that gives a shell tab completion")
    .argument("<shell>", "bash, zsh or fish")
    .addHelpText(
      "after",
      `
Put one of these in your shell's start-up file:
  bash  source <(atoll completion bash)
  zsh   source <(atoll completion zsh)
  fish  atoll completion fish | source`,
    )
    .action(run(printScript));
  program
    .command(COMPLETE_COMMAND, { hidden: true })
    .argument("[words...]")
    .action(
      run((context: CommandContext, words: readonly string[]) =>
        printCandidates(context, program, words),
      ),
    );
}

async function printScript(context: CommandContext, shell: string): Promise<void> {
  const script = COMPLETION_SCRIPTS[shell as Shell] as string | undefined;
  if (script === undefined) {
    const known = Object.keys(COMPLETION_SCRIPTS).join(", ");
    throw usageError(`no completion for ${JSON.stringify(shell)}`, `there is one for ${known}`);
  }
  await context.terminal.out(script);
}

async function printCandidates(
  context: CommandContext,
  program: Command,
  words: readonly string[],
): Promise<void> {
  const candidates = await candidatesFor(program, words, (kind) =>
    kind === "labDatacenter"
      ? Promise.resolve(labDatacenters(context.settings.labState))
      : knownNames(context.gateway, kind),
  );
  await context.printLines(candidates.map(escapeLine));
}
