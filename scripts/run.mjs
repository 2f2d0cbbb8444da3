/**
 * Runs the project's programs that are no service, on the pinned Node: benches, simulations,
 * examples, the story.
 *
 *   npm run bench                  every bench in turn, test/bench/NAME/main.ts
 *   npm run bench -- raft          one of them, with the options that follow
 *   npm run sim -- --seeds 9       the simulation of Raft
 *   npm run sim -- datacenter      another one, test/simulation/NAME-sim.ts
 *   npm run mutants                test/simulation/raft-mutations.ts
 *   npm run linearizability        test/linearizability/main.ts
 *   npm run chaos                  test/chaos/main.ts
 *   npm run story                  test/story/main.ts
 *   npm run conformance -- FOLDER  test/conformance/main.ts
 *   npm run example -- NAME        test/examples/NAME.ts; all of them without a name
 *
 * Sets up what is missing first. Ends with the program's own status.
 */
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureEverything, SetupError } from "./setup.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Programs of a kind: their names and where they are. */
const kinds = {
  bench: () => programs("test/bench", (name) => join(name, "main.ts")),
  sim: () =>
    readdirSync(join(root, "test/simulation"))
      .filter((name) => name.endsWith("-sim.ts"))
      .map((name) => [name.slice(0, -"-sim.ts".length), join("test/simulation", name)]),
  mutants: () => [["mutants", "test/simulation/raft-mutations.ts"]],
  linearizability: () => [["linearizability", "test/linearizability/main.ts"]],
  chaos: () => [["chaos", "test/chaos/main.ts"]],
  story: () => [["story", "test/story/main.ts"]],
  conformance: () => [["conformance", "test/conformance/main.ts"]],
  example: () =>
    readdirSync(join(root, "test/examples"))
      .toSorted()
      .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
      .map((name) => [name.slice(0, -".ts".length), join("test/examples", name)]),
};

/** The one that runs when none is named; all of them where there is none here. */
const defaults = { sim: "raft" };

function programs(folder, entry) {
  return readdirSync(join(root, folder))
    .toSorted()
    .map((name) => [name, join(folder, entry(name))])
    .filter(([, path]) => existsSync(join(root, path)));
}

async function main([kind, ...words]) {
  const find = kinds[kind];
  if (find === undefined) throw new SetupError(`say one of ${Object.keys(kinds).join(", ")}`);
  const found = find();
  // A kind with one program of its own name hands it every word.
  const alone = found.length === 1 && found[0][0] === kind;
  const named = alone ? undefined : found.find(([name]) => name === words[0]);
  if (!alone && named === undefined && words[0] !== undefined && !words[0].startsWith("-")) {
    const names = found.map(([name]) => name).join(", ");
    throw new SetupError(`there is no ${kind} ${words[0]}; there are: ${names}`);
  }
  const usual = found.find(([name]) => name === defaults[kind]);
  const chosen = named !== undefined ? [named] : usual !== undefined ? [usual] : found;
  const options = named === undefined ? words : words.slice(1);
  const { node, natsServer } = await ensureEverything({ log: (line) => console.error(line) });
  for (const [name, path] of chosen) {
    if (chosen.length > 1) console.log(`\n── ${kind} ${name}`);
    const status = await runProgram(node, natsServer, path, options);
    if (status !== 0) return status;
  }
  return 0;
}

function runProgram(node, natsServer, path, options) {
  const words = ["--conditions=atoll-source", "--disable-warning=ExperimentalWarning"];
  const child = spawn(node, [...words, join(root, path), ...options], {
    stdio: "inherit",
    env: { ...process.env, ATOLL_NATS_SERVER: natsServer },
  });
  // The terminal delivers Ctrl-C to both; this process waits for the other to clean up.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
    process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve(code ?? 128 + constants.signals[signal]));
  });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
