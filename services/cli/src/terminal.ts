/**
 * Where the command writes, as a value that is passed in.
 *
 * Tests give one that collects; `main.ts` gives the process's own. Results go to `out`; progress,
 * notes and errors go to `err`, so that a pipe gets results only.
 */
export interface Terminal {
  /** Resolves when the reader has taken enough to go on: a slow pipe slows the command. */
  out(text: string): Promise<void>;
  err(text: string): void;
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  /** Of the terminal behind `out`; absent where it is none. */
  readonly columns: number | undefined;
  /** All of standard input. */
  readInput(): Promise<string>;
  /** Aborted when the user wants to stop, or nobody reads the output any more. */
  readonly signal: AbortSignal;
}

/** The process's own streams. */
export function processTerminal(): Terminal {
  const stop = new AbortController();
  process.on("SIGINT", () => stop.abort("interrupted"));
  process.on("SIGTERM", () => stop.abort("interrupted"));
  // A reader such as `head` that has seen enough is no error.
  process.stdout.on("error", () => stop.abort("output closed"));
  process.stderr.on("error", () => undefined);
  return {
    out: (text) => writeToOutput(text, stop.signal),
    err: (text) => void process.stderr.write(text),
    outIsTerminal: process.stdout.isTTY === true,
    errIsTerminal: process.stderr.isTTY === true,
    columns: process.stdout.isTTY === true ? process.stdout.columns : undefined,
    readInput: readStandardInput,
    signal: stop.signal,
  };
}

function writeToOutput(text: string, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    process.stdout.write(text, () => resolve());
  });
}

async function readStandardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
