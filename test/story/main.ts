/**
 * `npm run story`: walks through what Atoll promises of one datacenter, on real processes, and
 * prints each step with its times.
 *
 * Without options it starts a lab of its own in a new folder on free ports and ends it; `--lab
 * FILE` plays on a lab that runs. Ends with status 1 when a step does not hold.
 */
import { availableParallelism, totalmem } from "node:os";
import { parseArgs } from "node:util";
import type { LabProcess } from "@atoll/lab";
import { StoryApi } from "./api.ts";
import type { Cast } from "./cast.ts";
import { aNodeAppears } from "./chapters/a-node-appears.ts";
import { aRoleMakesItUseful } from "./chapters/a-role-makes-it-useful.ts";
import { itExplainsItself } from "./chapters/it-explains-itself.ts";
import { itHeals } from "./chapters/it-heals.ts";
import { itsOwnFailures } from "./chapters/its-own-failures.ts";
import { maintenance } from "./chapters/maintenance.ts";
import { History } from "./history.ts";
import { time } from "./measure.ts";
import { Narrator } from "./narrator.ts";
import { Stage } from "./stage.ts";

const { values } = parseArgs({ options: { lab: { type: "string" }, keep: { type: "boolean" } } });
const narrator = new Narrator();
const beganMs = performance.now();
const memoryGib = (totalmem() / 2 ** 30).toFixed(1);
console.log(
  `The story of one datacenter, on ${availableParallelism()} cores and ${memoryGib} GiB.`,
);

const stage = values.lab === undefined ? await Stage.start() : Stage.use(values.lab);
const readyMs = performance.now() - beganMs;
narrator.holds(`a lab of ${stage.file.processes.length} processes, ready after ${time(readyMs)}`);
const api = new StoryApi(stage.file.gateway);
const history = new History(api);
const following = history.follow();
await tell({ stage, api, history, narrator });
history.stop();
await following;
api[Symbol.dispose]();
const left = await stage.stop();
if (stage.own) {
  console.log("");
  narrator.holds(`stopped in good order; ${left.length} processes left behind`);
}
if (left.length > 0) process.exitCode = 1;
if (values.keep === true) console.log(`state kept in ${stage.stateDir}`);
else stage.forget();
const heldSteps = narrator.steps - narrator.failures;
const tookMs = performance.now() - beganMs;
console.log(`\n${heldSteps} of ${narrator.steps} steps held, in ${time(tookMs)}.`);
if (narrator.failures > 0) process.exitCode = 1;

async function tell(cast: Cast): Promise<void> {
  let guest: LabProcess | undefined;
  await narrator.chapter("1. A node appears", async () => {
    guest = await aNodeAppears(cast);
  });
  await narrator.chapter("2. A role makes it useful", async () => {
    if (guest !== undefined) await aRoleMakesItUseful(cast, guest);
  });
  await narrator.chapter("3. It heals", () => itHeals(cast));
  await narrator.chapter("4. It shrugs off its own failures", () => itsOwnFailures(cast));
  await narrator.chapter("5. It explains itself", () => itExplainsItself(cast));
  await narrator.chapter("6. Maintenance", () => maintenance(cast));
  await guest?.stop(20_000);
}
