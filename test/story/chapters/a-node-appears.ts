/** Chapter 1: an agent that nobody announced is discovered with the machine's real inventory. */
import { rmSync } from "node:fs";
import { guestAgent, type LabProcess } from "@atoll/lab";
import type { Inventory } from "@atoll/proto/atoll/type/v1/inventory";
import { NodeState } from "@atoll/proto/atoll/v1/node";
import type { Cast } from "../cast.ts";
import { time, timeUntil } from "../measure.ts";

const APPEARS_MS_MAX = 2_000;
export const GUEST = "n9";

/** The agent that will appear: not started yet, as new as an unpacked server. */
export async function prepareGuest({ stage }: Cast): Promise<LabProcess> {
  rmSync(`${stage.stateDir}/agents/${GUEST}`, { recursive: true, force: true });
  return guestAgent(stage.file, { name: GUEST, labels: { tier: "web", rack: "r9" } });
}

export async function aNodeAppears(cast: Cast, guest: LabProcess): Promise<void> {
  const { stage, api, narrator } = cast;
  const [seen] = await Promise.all([
    timeUntil(`${GUEST} is discovered`, 10_000, async () => {
      const node = await api.node(GUEST);
      const discovered = node?.state === NodeState.NODE_STATE_DISCOVERED;
      return discovered && node.inventory !== undefined && node;
    }),
    guest.start(),
  ]);
  const node = seen.value;
  narrator.check(
    seen.tookMs <= APPEARS_MS_MAX,
    `${GUEST} was discovered with its inventory ${time(seen.tookMs)} after its process was started`,
    `allowed are ${APPEARS_MS_MAX} ms`,
  );
  const inventory = node.inventory as Inventory;
  const problems = inventoryProblems(inventory);
  narrator.check(problems.length === 0, "its inventory is the machine's own", problems.join("; "));
  const shown = await stage.atoll("node", "show", GUEST);
  narrator.quote(shown.slice(shown.indexOf("Hardware")));
}

/** What every machine that runs this can tell. */
function inventoryProblems(inventory: Inventory): string[] {
  const readings = {
    "the CPU model": inventory.cpu?.model,
    "the number of cores": inventory.cpu?.cores,
    "the memory": inventory.memory?.totalBytes,
    "the kernel": inventory.kernel,
    "the operating system": inventory.operatingSystem,
  };
  return Object.entries(readings)
    .filter(([, reading]) => reading?.reading === undefined)
    .map(([what]) => `${what} has neither a value nor a reason`);
}
