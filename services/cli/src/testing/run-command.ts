/**
 * Runs whole commands in the test's own process and collects what they print.
 */
import { runCli } from "../app.ts";
import type { Terminal } from "../terminal.ts";
import { NOW_MS } from "./fixtures.ts";

export interface RunOptions {
  readonly gateway: string;
  readonly labState?: string;
  readonly isTerminal?: boolean;
  readonly columns?: number;
  readonly noColor?: string;
  readonly input?: string;
  readonly signal?: AbortSignal;
  /** Called with all of the output so far, at each piece. */
  readonly onOut?: (out: string) => void;
}

export interface CommandResult {
  readonly out: string;
  readonly err: string;
  readonly exitStatus: number;
}

export async function runCommand(
  words: readonly string[],
  options: RunOptions,
): Promise<CommandResult> {
  let out = "";
  let err = "";
  const isTerminal = options.isTerminal === true;
  const terminal: Terminal = {
    out: async (text) => {
      out += text;
      options.onOut?.(out);
    },
    err: (text) => {
      err += text;
    },
    outIsTerminal: isTerminal,
    errIsTerminal: isTerminal,
    columns: options.columns,
    readInput: async () => options.input ?? "",
    signal: options.signal ?? new AbortController().signal,
  };
  let requests = 0;
  const exitStatus = await runCli(words, {
    terminal,
    environment: {
      gateway: options.gateway,
      transport: undefined,
      datacenter: undefined,
      labState: options.labState,
      noColor: options.noColor,
      user: "ada",
      terminalKind: "xterm",
    },
    clock: { monotonicMs: () => 0, realtimeMs: () => NOW_MS },
    newRequestId: () => `request-${(requests += 1)}`,
  });
  return { out, err, exitStatus };
}
