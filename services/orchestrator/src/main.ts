/**
 * One replica of a datacenter's orchestrator, as a process.
 */
import { runService } from "@atoll/service-kit";
import { startApp } from "./app.ts";
import { makeConfig } from "./config.ts";
import { readEnvironment } from "./env.ts";
import { explainEnd } from "./explain-end.ts";

await runService(async (signal) => {
  const config = makeConfig(readEnvironment(process.env));
  try {
    await using app = await startApp(config, signal);
    await app.ended(signal);
  } catch (error) {
    throw explainEnd(error, config.dataDir);
  }
});
