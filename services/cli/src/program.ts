/**
 * The tree of commands: what there is, and what each takes.
 *
 * Parsing and tab completion walk the same tree. Commander reports what is wrong with a command
 * line by throwing; `app.ts` turns that into the same kind of message as everything else.
 */
import { Command } from "commander";
import { addActionCommands } from "./commands/action-commands.ts";
import { addApplyCommand } from "./commands/apply-command.ts";
import type { RunCommand } from "./commands/command-runner.ts";
import { addCompletionCommands } from "./commands/completion-commands.ts";
import { addDatacenterCommands } from "./commands/datacenter-commands.ts";
import { addEventCommands } from "./commands/event-commands.ts";
import { addGroupCommands } from "./commands/group-commands.ts";
import { addLabCommands } from "./commands/lab-commands.ts";
import { addNodeReadCommands } from "./commands/node-read-commands.ts";
import { addNodeWriteCommands } from "./commands/node-write-commands.ts";
import { addOperationCommands } from "./commands/operation-commands.ts";
import { addPauseCommands } from "./commands/pause-commands.ts";
import { addLimitsCommands } from "./commands/limits-commands.ts";
import { addStormCommands } from "./commands/storm-commands.ts";
import { addRoleCommands } from "./commands/role-commands.ts";
import { addVersionCommand } from "./commands/version-command.ts";
import { EXIT_STATUS_HELP } from "./exit-status.ts";

export interface ProgramOutput {
  readonly writeOut: (text: string) => void;
  readonly writeErr: (text: string) => void;
  readonly columns: number | undefined;
}

export function buildProgram(run: RunCommand, output: ProgramOutput): Command {
  const program = new Command("atoll")
    .description("Operates the physical servers of a datacenter through its gateway.")
    .configureOutput({
      writeOut: output.writeOut,
      writeErr: output.writeErr,
      outputError: () => undefined,
      getOutHelpWidth: () => output.columns ?? 100,
      getErrHelpWidth: () => output.columns ?? 100,
    })
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .option("-o, --output <format>", "table, json or yaml (default table)")
    .option("--gateway <host:port>", "the gateway to ask (ATOLL_GATEWAY; default 127.0.0.1:7400)")
    .option(
      "--datacenter <name>",
      "the datacenter to speak about, or all in lists (ATOLL_DATACENTER)",
    )
    .option("--timeout <duration>", "for each request, for example 5s (default 30s)")
    .addHelpText("after", `\n${EXIT_STATUS_HELP}`);
  const nodes = program.command("node").description("physical servers");
  addNodeReadCommands(nodes, program, run);
  addNodeWriteCommands(nodes, run);
  addRoleCommands(program, run);
  addApplyCommand(program, run);
  addEventCommands(program, run);
  addActionCommands(program, run);
  addOperationCommands(program, run);
  addDatacenterCommands(program, run);
  addPauseCommands(program, run);
  addStormCommands(program, run);
  addLimitsCommands(program, run);
  addGroupCommands(program, run);
  addLabCommands(program, run);
  addCompletionCommands(program, run);
  addVersionCommand(program, run);
  return program;
}
