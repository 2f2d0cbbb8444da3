/**
 * The gateway as a process.
 */
import { aborted, runService } from "@atoll/service-kit";
import { startApp } from "./app.ts";
import { makeConfig } from "./config.ts";
import { readEnvironment } from "./env.ts";

await runService(async (signal) => {
  await using _app = await startApp(makeConfig(readEnvironment(process.env)));
  await aborted(signal);
});
