/**
 * A datacenter of real processes in which everything goes wrong, and the account of what it did.
 *
 *     npm run chaos -- [--minutes N] [--seed SEED] [--agents N] [--nats 1|3]
 *
 * Faults are drawn from the seed, which is printed first. The last line says what was lost,
 * repeated or not fenced; the exit status is 0 only when nothing was and everything healed.
 */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { runChaos } from "./run.ts";

const AGENTS_MAX = 50;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "1" },
    seed: { type: "string" },
    agents: { type: "string", default: "4" },
    nats: { type: "string", default: "1" },
  },
});
const minutes = Number(values.minutes);
const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
const agents = Number(values.agents);
const isSeed = Number.isSafeInteger(seed) && seed >= 0;
const isCount = Number.isSafeInteger(agents) && agents >= 1 && agents <= AGENTS_MAX;
const nats = values.nats === "3" ? 3 : 1;
if (!(minutes > 0) || !isSeed || !isCount || String(nats) !== values.nats) {
  process.stderr.write(
    `--minutes takes a number above 0, --seed a whole number from 0, ` +
      `--agents 1 to ${AGENTS_MAX}, --nats 1 or 3\n`,
  );
  process.exit(2);
}

const report = (line: string): void => void process.stdout.write(`${line}\n`);
const result = await runChaos({ seed, durationMs: minutes * 60_000, agents, nats, report });
for (const problem of result.problems) report(problem);
const count = (word: string): number =>
  result.problems.filter((problem) => problem.includes(word)).length;
report(
  `${result.faults} faults, ${result.facts} facts (${result.wiped} gone with a wiped disk), ` +
    `${result.actions} actions, ${result.starts} starts, ${result.writes} writes: ` +
    `${count("lost")} lost, ${count("repeated")} repeated, ${count("unfenced")} unfenced, ` +
    `${result.problems.length} problems; seed ${seed}`,
);
process.exitCode = result.problems.length === 0 ? 0 : 1;
