/**
 * One run of the command: parses, does the work, prints what went wrong, gives the exit status.
 *
 * The composition root. Everything from outside comes in as a value, so that tests run whole
 * commands in their own process.
 */
import { CommanderError, type Command } from "commander";
import { channelCredentials } from "@atoll/service-kit";
import type { Clock } from "@atoll/stdx";
import { CommandContext } from "./command-context.ts";
import type { Handler, RunCommand } from "./commands/command-runner.ts";
import { COMPLETE_COMMAND } from "./commands/completion-commands.ts";
import { settingsFrom, type GlobalOptions, type Settings } from "./config.ts";
import type { CliEnvironment } from "./env.ts";
import { EXIT_STATUS } from "./exit-status.ts";
import { CommandError } from "./failure.ts";
import { Gateway } from "./gateway.ts";
import { buildProgram } from "./program.ts";
import { escapeLine } from "./render/escape.ts";
import { paintFor } from "./render/style.ts";
import type { Terminal } from "./terminal.ts";

export interface CliParts {
  readonly terminal: Terminal;
  readonly environment: CliEnvironment;
  readonly clock: Clock;
  readonly newRequestId: () => string;
}

/** Runs `atoll WORDS…` and returns its exit status. Throws only what is a bug. */
export async function runCli(words: readonly string[], parts: CliParts): Promise<number> {
  const { terminal } = parts;
  let help = Promise.resolve();
  const program = buildProgram(commandRunner(parts), {
    writeOut: (text) => void (help = terminal.out(text)),
    writeErr: (text) => terminal.err(text),
    columns: terminal.columns,
  });
  try {
    await program.parseAsync(words, { from: "user" });
    return EXIT_STATUS.ok;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT_STATUS.ok;
    if (terminal.signal.reason === "output closed") return EXIT_STATUS.ok;
    const silent = words[0] === COMPLETE_COMMAND;
    const failure = error instanceof CommanderError ? usageFailure(program, words, error) : error;
    if (!(failure instanceof CommandError)) throw failure;
    if (!silent) printFailure(failure, parts);
    return failure.exitStatus;
  } finally {
    await help;
  }
}

function commandRunner(parts: CliParts): RunCommand {
  return <Parameters extends readonly unknown[]>(handler: Handler<Parameters>) =>
    async (...all: [...Parameters, Command]): Promise<void> => {
      const command = all.at(-1) as Command;
      const { terminal, environment, clock, newRequestId } = parts;
      const options: GlobalOptions = command.optsWithGlobals();
      const settings = settingsFrom(options, environment, terminal.outIsTerminal);
      using gateway = openGateway(settings, terminal);
      const context = new CommandContext({ terminal, clock, settings, gateway, newRequestId });
      const given = all.slice(0, -1) as unknown as Parameters;
      await handler(context, ...given);
      if (terminal.signal.reason === "interrupted") {
        throw new CommandError("interrupted", { exitStatus: EXIT_STATUS.interrupted });
      }
    };
}

function openGateway(settings: Settings, terminal: Terminal): Gateway {
  return new Gateway({
    address: settings.gatewayAddress,
    credentials: channelCredentials(settings.transport),
    timeoutMs: settings.timeoutMs,
    actor: settings.actor,
    datacenter: settings.datacenter,
    signal: terminal.signal,
  });
}

/** Commander's word for it, with the command whose help says more. */
function usageFailure(
  program: Command,
  words: readonly string[],
  error: CommanderError,
): CommandError {
  const [first, ...more] = error.message.replace(/^error: /, "").split("\n");
  const path = commandPath(program, words);
  const help = `\`${["atoll", ...path].join(" ")} --help\` shows what there is`;
  const incomplete = error.code === "commander.help";
  return new CommandError(incomplete ? "the command is not complete" : (first ?? ""), {
    exitStatus: EXIT_STATUS.usage,
    // Commander has found the nearest right name: "(Did you mean list?)".
    hints: [...more.map((line) => line.replace(/^\(D(.*)\)$/, "d$1")), help],
    cause: error,
  });
}

/** The leading words that are commands. */
function commandPath(program: Command, words: readonly string[]): string[] {
  const path: string[] = [];
  let command: Command | undefined = program;
  for (const word of words) {
    command = command.commands.find((one) => one.name() === word || one.aliases().includes(word));
    if (command === undefined) break;
    path.push(command.name());
  }
  return path;
}

function printFailure(failure: CommandError, parts: CliParts): void {
  const { terminal, environment } = parts;
  const paint = paintFor(terminal.errIsTerminal && (environment.noColor ?? "") === "");
  const interrupted = failure.exitStatus === EXIT_STATUS.interrupted;
  const head = interrupted ? "atoll:" : paint("bad", "error:");
  const lines = [
    `${head} ${escapeLine(failure.message)}`,
    ...failure.violations.map((violation) => `  - ${escapeLine(violation)}`),
    ...failure.hints.map((hint) => `  ${paint("accent", "→")} ${escapeLine(hint)}`),
  ];
  terminal.err(`${lines.join("\n")}\n`);
}
