/**
 * `npm start`: runs a lab in the foreground until it is told to stop.
 *
 * Stops in good order at the first signal; at a second one, later, it kills. Both the terminal
 * and a parent process may deliver the same Ctrl-C, so signals that come close together count as
 * one.
 */
import { prepareLab, type Lab } from "./lab.ts";
import { LabError, parseOptions, USAGE } from "./options.ts";
import { screen } from "./screen.ts";

const SAME_SIGNAL_MS = 700;
const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Returns the exit status. */
export async function runLab(words: readonly string[]): Promise<number> {
  // A terminal that was closed must not end the lab before it has stopped its processes.
  process.stdout.on("error", () => undefined);
  process.stderr.on("error", () => undefined);
  try {
    const options = parseOptions(words);
    if (options === "help") {
      process.stdout.write(`${USAGE}\n`);
      return 0;
    }
    const lab = await prepareLab({ ...options, report });
    const stopAsked = awaitStopSignal(lab);
    try {
      const ready = await Promise.race([lab.startAll().then(() => true), stopAsked]);
      if (ready) process.stdout.write(screen(lab));
      await stopAsked;
      report("stopping");
    } finally {
      await lab.stop();
    }
    report("stopped; everything is kept in the state folder");
    return 0;
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    process.stderr.write(`lab: ${error.message}\n`);
    return 1;
  }
}

function report(line: string): void {
  const time = new Date().toTimeString().slice(0, 8);
  process.stdout.write(`${time}  ${line}\n`);
}

/** Resolves with false at the first signal; a later one kills what is left and ends the process. */
function awaitStopSignal(lab: Lab): Promise<false> {
  return new Promise((resolve) => {
    let firstMs: number | undefined;
    for (const name of STOP_SIGNALS) {
      process.on(name, () => {
        const nowMs = performance.now();
        firstMs ??= nowMs;
        resolve(false);
        if (nowMs - firstMs < SAME_SIGNAL_MS) return;
        for (const one of lab.processes) void one.kill("SIGKILL");
        process.exit(1);
      });
    }
  });
}
