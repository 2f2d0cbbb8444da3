/**
 * `npm start`: sets up what is missing, then runs a datacenter on loopback in the foreground.
 *
 * Plain JavaScript that the machine's own Node 20 runs with nothing installed. Everything that
 * takes part runs on the Node that the project pins; this process only waits and passes signals
 * on.
 */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureEverything, SetupError } from "./setup.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

try {
  const { node, natsServer } = await ensureEverything({ log: (line) => console.log(line) });
  process.exitCode = await runLab(node, natsServer);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`npm start: ${error.message}`);
  process.exitCode = 1;
}

function runLab(node, natsServer) {
  const main = join(root, "deploy/lab/src/main.ts");
  const lab = spawn(node, ["--conditions=atoll-source", main, ...process.argv.slice(2)], {
    stdio: "inherit",
    env: { ...process.env, ATOLL_NATS_SERVER: natsServer },
  });
  // The lab counts signals that come close together as one, so a Ctrl-C that the terminal delivers
  // to both of us does no harm.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => lab.kill(signal));
  return new Promise((resolve, reject) => {
    lab.once("error", reject);
    lab.once("exit", (code, signal) => resolve(code ?? 128 + constants.signals[signal]));
  });
}
