/**
 * The `atoll` command. Started by `bin/atoll`.
 */
import { randomUUID } from "node:crypto";
import { systemClock } from "@atoll/service-kit";
import { runCli } from "./app.ts";
import { readEnvironment } from "./env.ts";
import { processTerminal } from "./terminal.ts";

process.exitCode = await runCli(process.argv.slice(2), {
  terminal: processTerminal(),
  environment: readEnvironment(),
  clock: systemClock,
  newRequestId: randomUUID,
});
