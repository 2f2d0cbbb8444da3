/**
 * The `atoll-fleet` command. Started by `bin/atoll-fleet`.
 */
import { describeError } from "@atoll/service-kit/process";
import { runFleet } from "./app.ts";
import { readEnvironment } from "./env.ts";

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stop.abort(signal));

try {
  process.exitCode = await runFleet(process.argv.slice(2), {
    environment: readEnvironment(process.env),
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    signal: stop.signal,
  });
} catch (error) {
  process.stderr.write(`error: ${describeError(error).message}\n`);
  process.exitCode = 1;
}
