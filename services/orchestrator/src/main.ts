/**
 * One replica of a datacenter's orchestrator, as a process.
 */
import { runService } from "@atoll/service-kit";
import { startApp } from "./app.ts";
import { makeConfig } from "./config.ts";
import { readEnvironment } from "./env.ts";

await runService(async (signal) => {
  await using app = await startApp(makeConfig(readEnvironment(process.env)), signal);
  await app.ended(signal);
});
