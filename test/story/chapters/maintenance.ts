/** Chapter 6: a node in maintenance is observed and never acted upon. */
import { setTimeout as delay } from "node:timers/promises";
import { ServiceStatus } from "@atoll/proto/atoll/type/v1/observation";
import { NodeState } from "@atoll/proto/atoll/v1/node";
import { healthyPid, service, untilState, type Cast } from "../cast.ts";
import { time, timeUntil } from "../measure.ts";

/** How long nothing must be done: longer than an agent that acts by itself would wait. */
const HANDS_OFF_MS = 5_000;

export async function maintenance(cast: Cast): Promise<void> {
  const { stage, api, narrator } = cast;
  await untilState(api, "n2", NodeState.NODE_STATE_READY, 60_000);
  await stage.atoll("node", "maintain", "n2", "--reason", "replacing a disk");
  const pid = healthyPid(await api.node("n2"), "web/app") as number;
  const actionsBefore = (await api.actions("n2")).length;
  process.kill(pid, "SIGKILL");
  const { tookMs } = await timeUntil("the crash is observed", 5_000, async () => {
    const observed = service(await api.node("n2"), "web/app")?.observation;
    return observed?.status === ServiceStatus.SERVICE_STATUS_CRASHED;
  });
  narrator.holds(`in maintenance, a killed service was observed after ${time(tookMs)}`);
  await delay(HANDS_OFF_MS);
  const node = await api.node("n2");
  const acted = (await api.actions("n2")).length - actionsBefore;
  narrator.check(
    node?.state === NodeState.NODE_STATE_MAINTENANCE &&
      acted === 0 &&
      healthyPid(node, "web/app") === undefined,
    `and not acted upon: ${time(HANDS_OFF_MS)} later no action was planned`,
    `${acted} actions`,
  );
  const page = await stage.atoll("why", "node/n2");
  const waiting = page.slice(page.indexOf("\nWaiting") + 1, page.indexOf("\nRecent"));
  narrator.check(waiting.includes("maintenance"), "`atoll why node/n2` says why nothing is done");
  narrator.quote(waiting);
  const beganMs = performance.now();
  await stage.atoll("node", "maintain", "n2", "--end");
  await untilState(api, "n2", NodeState.NODE_STATE_READY, 60_000);
  narrator.holds(
    `maintenance ended: everything was as wanted after ${time(performance.now() - beganMs)}`,
  );
}
