/**
 * Started by `scripts/start.mjs` on the Node that the project pins.
 */
import { runLab } from "./run.ts";

process.exitCode = await runLab(process.argv.slice(2));
