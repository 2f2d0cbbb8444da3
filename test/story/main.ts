/**
 * `npm run story`: walks through what Atoll promises of one datacenter, on real processes, and
 * prints each step with its times.
 *
 * Without options it starts a lab of its own in a new folder on free ports and ends it; `--lab
 * FILE` plays on a lab that runs. Ends with status 1 when a step does not hold.
 */
import { availableParallelism, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { StoryApi } from "./api.ts";
import type { Cast } from "./cast.ts";
import { aNodeAppears, prepareGuest } from "./chapters/a-node-appears.ts";
import { aRoleMakesItUseful } from "./chapters/a-role-makes-it-useful.ts";
import { itExplainsItself } from "./chapters/it-explains-itself.ts";
import { itHeals } from "./chapters/it-heals.ts";
import { itsOwnFailures } from "./chapters/its-own-failures.ts";
import { maintenance } from "./chapters/maintenance.ts";
import { History } from "./history.ts";
import { time } from "./measure.ts";
import { Narrator } from "./narrator.ts";
import { Stage } from "./stage.ts";

/** Agents stop the services of their nodes first. */
const GUEST_STOP_MS = 20_000;

const { values } = parseArgs({ options: { lab: { type: "string" }, keep: { type: "boolean" } } });
const narrator = new Narrator();
const beganMs = performance.now();
const memoryGib = (totalmem() / 2 ** 30).toFixed(1);
console.log(
  `The story of one datacenter, on ${availableParallelism()} cores and ${memoryGib} GiB.`,
);
const stage = values.lab === undefined ? await Stage.start() : Stage.use(values.lab);
for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => void end(130));
const readyMs = performance.now() - beganMs;
narrator.holds(`a lab of ${stage.file.processes.length} processes, ready after ${time(readyMs)}`);
await tell();
await end(narrator.failures === 0 ? 0 : 1);

async function tell(): Promise<void> {
  using api = new StoryApi(stage.file.gateway);
  const history = new History(api);
  const following = history.follow();
  const cast: Cast = { stage, api, history, narrator };
  const guest = await prepareGuest(cast);
  await narrator.chapter("1. A node appears", () => aNodeAppears(cast, guest));
  await narrator.chapter("2. A role makes it useful", () => aRoleMakesItUseful(cast, guest));
  await narrator.chapter("3. It heals", () => itHeals(cast));
  await narrator.chapter("4. It shrugs off its own failures", () => itsOwnFailures(cast));
  await narrator.chapter("5. It explains itself", () => itExplainsItself(cast));
  await narrator.chapter("6. Maintenance", () => maintenance(cast));
  await guest.stop(GUEST_STOP_MS);
  history.stop();
  await following;
}

/** Ends a lab that the story started, then the story; with this status unless something is left. */
async function end(status: number): Promise<void> {
  const left = await stage.stop();
  if (stage.own) {
    console.log("");
    const text = `stopped in good order, ${left.length} processes left behind`;
    if (left.length === 0) narrator.holds(text);
    else narrator.fails(text);
  }
  if (values.keep === true) console.log(`state kept in ${stage.stateDir}`);
  else stage.forget();
  const held = narrator.steps - narrator.failures;
  const tookMs = performance.now() - beganMs;
  console.log(`\n${held} of ${narrator.steps} steps held, in ${time(tookMs)}.`);
  process.exit(left.length === 0 ? status : 1);
}
