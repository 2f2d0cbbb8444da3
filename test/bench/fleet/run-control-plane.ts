/**
 * Runs the bench of the control plane for the goals that concern it, and gives its raw numbers.
 *
 * A process of its own, as it is when somebody runs it alone.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Measured } from "../control-plane/table.ts";

const MAIN = join(import.meta.dirname, "..", "control-plane", "main.ts");
const ONLY = ["--only", "events,actions,agent", "--agents", "1000", "--rates", "20000"];

/** Its raw numbers go to `file`; what it prints goes to stderr. */
export async function runControlPlane(options: {
  readonly file: string;
  readonly rounds: string;
  readonly seconds: string;
  readonly signal: AbortSignal;
}): Promise<Measured[]> {
  const { file, rounds, seconds, signal } = options;
  const words = [...ONLY, "--rounds", rounds, "--seconds", seconds, "--file", file];
  const child = spawn(process.execPath, ["--conditions=atoll-source", MAIN, ...words], {
    stdio: ["ignore", process.stderr, "inherit"],
  });
  const end = (): void => void child.kill("SIGTERM");
  process.once("exit", end);
  signal.addEventListener("abort", end);
  try {
    const [status] = (await once(child, "exit")) as [number | null];
    if (status !== 0) throw new Error(`the control plane's bench ended with status ${status}`);
    return (JSON.parse(readFileSync(file, "utf8")) as { measured: Measured[] }).measured;
  } finally {
    process.off("exit", end);
    signal.removeEventListener("abort", end);
  }
}
