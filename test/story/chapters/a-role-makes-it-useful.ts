/** Chapter 2: roles come, nodes that match are configured and serve; the same after a wipe. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { REPOSITORY_DIR, signal, startTicksOf, type LabProcess } from "@atoll/lab";
import { NodeState } from "@atoll/proto/atoll/v1/node";
import { healthyPids, untilState, type Cast } from "../cast.ts";
import { time, timeUntil } from "../measure.ts";
import { GUEST } from "./a-node-appears.ts";

const SERVING_MS_MAX = 15_000;

export async function aRoleMakesItUseful(cast: Cast, guest: LabProcess): Promise<void> {
  const { stage, api, narrator } = cast;
  const beganMs = performance.now();
  const applied = stage.atoll("apply", "-f", join(REPOSITORY_DIR, "roles"));
  const serving = ["n1", "n2", GUEST].map((name) => untilServing(cast, name, guest));
  await Promise.all([applied, ...serving]);
  const servingMs = performance.now() - beganMs;
  narrator.check(
    servingMs <= SERVING_MS_MAX,
    `\`atoll apply -f roles/\`: three nodes were configured and serving after ${time(servingMs)}`,
  );
  narrator.quote(await applied);
  narrator.quote(await stage.atoll("node", "list"));

  await guest.kill("SIGKILL");
  const { tookMs: backMs } = await timed(() => guest.start());
  const { tookMs } = await untilState(api, GUEST, NodeState.NODE_STATE_READY, SERVING_MS_MAX);
  narrator.holds(`after a crash of its agent ${GUEST} was ready again in ${time(backMs + tookMs)}`);

  await wipe(cast, guest);
  const wipedMs = performance.now();
  await guest.start();
  await untilServing(cast, GUEST, guest);
  const rebuiltMs = performance.now() - wipedMs;
  narrator.check(
    rebuiltMs <= SERVING_MS_MAX,
    `wiped (data, files and processes gone), ${GUEST} was serving again after ${time(rebuiltMs)}`,
  );
}

/** Ready as Atoll says, and answering as itself. */
async function untilServing(cast: Cast, name: string, guest: LabProcess): Promise<void> {
  const { stage, api } = cast;
  await untilState(api, name, NodeState.NODE_STATE_READY, 60_000);
  const listed = stage.file.processes.find((one) => one.name === name);
  const port = (listed?.ports ?? guest.spec.ports)["service"];
  // A node that was wiped is ready as of before, until its new agent was heard.
  const { value: page } = await timeUntil(`${name} answers`, 60_000, () => fetchPage(port));
  cast.narrator.check(page.node === name, `${name} serves its own configuration on port ${port}`);
}

/** What the web server says of itself; undefined while nobody listens. */
async function fetchPage(port: number | undefined): Promise<{ readonly node: string } | undefined> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/`);
    return (await answer.json()) as { readonly node: string };
  } catch {
    return undefined;
  }
}

/** As if the machine had got a new disk. */
async function wipe(cast: Cast, guest: LabProcess): Promise<void> {
  const pids = [...healthyPids(await cast.api.node(GUEST)).values()];
  await guest.kill("SIGKILL");
  for (const pid of pids) {
    const startTicks = startTicksOf(pid);
    if (startTicks !== undefined) signal({ pid, startTicks }, "SIGKILL");
  }
  await timeUntil("its services are dead", 5_000, async () =>
    pids.every((pid) => startTicksOf(pid) === undefined),
  );
  rmSync(`${cast.stage.stateDir}/agents/${GUEST}`, { recursive: true });
}

async function timed(work: () => Promise<void>): Promise<{ readonly tookMs: number }> {
  const beganMs = performance.now();
  await work();
  return { tookMs: performance.now() - beganMs };
}
