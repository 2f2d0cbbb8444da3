/**
 * How much of a core each process of a datacenter kept busy for a while, and the load with it.
 */
import type { Lab } from "@atoll/lab";
import { cpuSeconds } from "../process-use.ts";

const MS_PER_SECOND = 1_000;

/** Cores by process; orchestrators have the leader's place first, as it has most to do. */
export type CoresBusy = Readonly<Record<string, number>>;

/**
 * @param loadPid the process that makes the load; it must live until the end.
 * @returns what ends the while, and gives its shares.
 */
export function watchCores(lab: Lab, loadPid: number): () => CoresBusy {
  const pids = new Map<string, number>([["load", loadPid]]);
  for (const { spec, pid } of lab.processes) if (pid !== undefined) pids.set(spec.name, pid);
  const read = (): Map<string, number> =>
    new Map([...pids].map(([name, pid]): [string, number] => [name, cpuSeconds([pid])]));
  const before = read();
  const beganAtMs = performance.now();
  return () => {
    const seconds = (performance.now() - beganAtMs) / MS_PER_SECOND;
    const shares = [...read()].map(([name, used]): [string, number] => [
      name,
      (used - (before.get(name) ?? 0)) / seconds,
    ]);
    return Object.fromEntries(shares);
  };
}

/** One line for a table: nats, orchestrators from the busiest on, gateway, load, together. */
export function formatCores(busy: CoresBusy): string {
  const names = Object.keys(busy);
  const share = (name: string): string => (busy[name] ?? 0).toFixed(2);
  const orchestrators = names
    .filter((name) => name.startsWith("orchestrator"))
    .toSorted((one, other) => (busy[other] ?? 0) - (busy[one] ?? 0));
  const together = Object.values(busy).reduce((sum, each) => sum + each, 0);
  const cells = [
    share("nats"),
    orchestrators.map((name) => share(name)).join(" + "),
    share("gateway"),
    share("load"),
    together.toFixed(2),
  ];
  return cells.join(" | ");
}
