/** Chapter 3: killed services, crash loops, files changed by hand. */
import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FileStatus } from "@atoll/proto/atoll/type/v1/observation";
import { NodeState } from "@atoll/proto/atoll/v1/node";
import { fileStatus, healthyPid, killService, service, untilState, type Cast } from "../cast.ts";
import { distribution, percentile, time, timeUntil } from "../measure.ts";
import { pulseKeys, writePulseRole } from "../pulse-role.ts";

const HEALED_MS_P99_MAX = 1_000;
const CONFIG = "/etc/web/config.json";

export async function itHeals(cast: Cast): Promise<void> {
  const { stage, api, narrator } = cast;
  await stage.atoll("apply", "-f", writePulseRole(stage));
  for (const node of ["n1", "n2"]) await untilState(api, node, NodeState.NODE_STATE_READY, 30_000);
  await killMany(cast);
  const appMs = await killService(api, "n1", "web/app");
  narrator.holds(
    `kill -9 of the web server: healthy again after ${time(appMs)}, its own start included`,
  );
  const actions = await api.actions("n1");
  const restart = actions.filter((action) => action.target === "service:web/app").at(-1);
  narrator.check(
    (restart?.cause ?? "") !== "",
    `its restart is an action with a cause: "${restart?.cause}" (event #${restart?.causeIndex})`,
  );
  await crashLoop(cast);
  await drift(cast);
  await driftReportedOnly(cast);
}

/** Every service of the pulse role once, so that no backoff is measured. */
async function killMany({ api, narrator }: Cast): Promise<void> {
  const times: number[] = [];
  for (const node of ["n1", "n2"]) {
    for (const key of pulseKeys()) times.push(await killService(api, node, key));
  }
  narrator.check(
    percentile(times, 99) <= HEALED_MS_P99_MAX,
    `kill -9 of a service until it is healthy again: ${distribution(times)} kills`,
    `allowed is a p99 of ${HEALED_MS_P99_MAX} ms`,
  );
}

async function crashLoop({ stage, api, narrator }: Cast): Promise<void> {
  const broken = join(stage.rootDir("n2"), "srv/web/broken");
  writeFileSync(broken, "");
  const pid = healthyPid(await api.node("n2"), "web/app") as number;
  process.kill(pid, "SIGKILL");
  const { tookMs, value: degraded } = await untilState(
    api,
    "n2",
    NodeState.NODE_STATE_DEGRADED,
    30_000,
  );
  narrator.holds(`a web server that crashes at each start: degraded after ${time(tookMs)}`);
  narrator.quote(`reason: ${degraded.stateReason}`);
  const failures = service(degraded, "web/app")?.failureCount ?? 0;
  narrator.check(
    failures >= 3,
    `${failures} failures in a row were counted, with growing waits between`,
  );
  rmSync(broken);
  const { tookMs: recoveredMs } = await untilState(api, "n2", NodeState.NODE_STATE_READY, 60_000);
  narrator.holds(`the cause removed, it recovered by itself after ${time(recoveredMs)}`);
}

async function drift({ stage, api, narrator, history }: Cast): Promise<void> {
  const path = join(stage.rootDir("n1"), CONFIG);
  const wanted = readFileSync(path, "utf8");
  const seenBefore = history.seen.length;
  writeFileSync(path, wanted.replace(/"port": \d+/, '"port": 9'));
  const { tookMs } = await timeUntil("the file is put back", 15_000, async () => {
    return readFileSync(path, "utf8") === wanted;
  });
  narrator.holds(`a configuration file changed by hand was put back after ${time(tookMs)}`);
  const { value: diff } = await timeUntil("the history shows the change", 5_000, async () => {
    const drifted = history.seen.slice(seenBefore).map((event) => event.payload?.event);
    return drifted
      .map((event) => (event?.$case === "fileStatusChanged" ? event.value.file : undefined))
      .find((file) => file?.status === FileStatus.FILE_STATUS_DRIFTED)?.diff;
  });
  narrator.check(/-.*"port"[^]*\+.*"port": 9/.test(diff), "the history has the change as a diff");
  narrator.quote(diff);
  await timeUntil("it is in sync again", 5_000, async () => {
    return fileStatus(await api.node("n1"), CONFIG) === FileStatus.FILE_STATUS_IN_SYNC;
  });
}

async function driftReportedOnly({ stage, api, narrator }: Cast): Promise<void> {
  await stage.atoll("node", "assign", "n2", "report-only");
  appendFileSync(join(stage.rootDir("n2"), "etc/motd"), "somebody was here\n");
  const { tookMs } = await timeUntil("the change is reported", 15_000, async () => {
    return fileStatus(await api.node("n2"), "/etc/motd") === FileStatus.FILE_STATUS_DRIFTED;
  });
  const actions = await api.actions("n2");
  const text = stage.readNodeFile("n2", "etc/motd") ?? "";
  const writes = actions.filter((action) => action.target === "file:/etc/motd").length;
  narrator.check(
    text.endsWith("somebody was here\n") && writes === 1,
    `with \`drift: report\`, a change was reported after ${time(tookMs)} and left alone`,
  );
}
