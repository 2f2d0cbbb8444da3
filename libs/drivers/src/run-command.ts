/**
 * Runs a short program to its end, with bounds on its time and output.
 *
 * A failure is a value that says why, because every caller has something else to do then. The
 * program gets its own process group, which is killed as a whole when the time is up.
 */
import { type ChildProcess, spawn } from "node:child_process";

export interface CommandOptions {
  /** 1 or more. */
  readonly timeoutMs: number;
  /** Replaces the whole environment. Default: PATH and LANG=C. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly workingFolder?: string;
}

export type CommandResult =
  | {
      readonly type: "ended";
      readonly status: number;
      readonly output: string;
      readonly errorOutput: string;
    }
  /** Could not be started, was killed by a signal, or took too long. */
  | { readonly type: "failed"; readonly reason: string; readonly missing: boolean };

export type CommandRunner = (
  command: readonly string[],
  options: CommandOptions,
) => Promise<CommandResult>;

/** Of each output; what comes after is dropped. */
export const OUTPUT_BYTES_MAX = 1_048_576;
export const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Never rejects. */
export function runCommand(
  command: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const [program = "", ...rest] = command;
    const child = spawn(program, rest, {
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: options.environment ?? { PATH: process.env["PATH"] ?? DEFAULT_PATH, LANG: "C" },
      ...(options.workingFolder === undefined ? {} : { cwd: options.workingFolder }),
    });
    const output = collect(child.stdout);
    const errorOutput = collect(child.stderr);
    const timer = setTimeout(() => {
      killGroup(child);
      finish({ type: "failed", reason: `no end after ${options.timeoutMs} ms`, missing: false });
    }, options.timeoutMs);

    function finish(result: CommandResult): void {
      clearTimeout(timer);
      resolve(result);
    }
    child.on("error", (error: NodeJS.ErrnoException) => {
      const missing = error.code === "ENOENT";
      const reason = missing ? `${program} is not installed` : `${program}: ${error.code}`;
      finish({ type: "failed", reason, missing });
    });
    child.on("close", (status, signal) => {
      if (status === null) {
        finish({ type: "failed", reason: `${program} was killed by ${signal}`, missing: false });
      } else {
        finish({ type: "ended", status, output: output(), errorOutput: errorOutput() });
      }
    });
  });
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on("data", (chunk: Buffer) => {
    if (size >= OUTPUT_BYTES_MAX) return;
    chunks.push(chunk.subarray(0, OUTPUT_BYTES_MAX - size));
    size += chunk.length;
  });
  return () => Buffer.concat(chunks).toString("utf8");
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // It ended by itself in the meantime.
  }
  child.stdout?.destroy();
  child.stderr?.destroy();
}
