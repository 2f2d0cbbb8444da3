/**
 * The order in which the services of a role start: each after all that it names in `after`.
 */
import type { ServiceName } from "./names.ts";
import type { ServiceSpec } from "./role.ts";

/**
 * A way from a service back to itself, both ends named, or undefined when there is none. Unknown
 * names lead nowhere.
 */
export function findCycle(services: readonly ServiceSpec[]): readonly ServiceName[] | undefined {
  const byName = new Map(services.map((service) => [service.name, service]));
  const done = new Set<ServiceName>();
  for (const { name } of services) {
    const cycle = walk(name, [], byName, done);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

/** Deep at most as there are services in a role. */
function walk(
  name: ServiceName,
  way: readonly ServiceName[],
  byName: ReadonlyMap<ServiceName, ServiceSpec>,
  done: Set<ServiceName>,
): readonly ServiceName[] | undefined {
  const met = way.indexOf(name);
  if (met >= 0) return [...way.slice(met), name];
  if (done.has(name)) return undefined;
  for (const next of byName.get(name)?.after ?? []) {
    const cycle = walk(next, [...way, name], byName, done);
    if (cycle !== undefined) return cycle;
  }
  done.add(name);
  return undefined;
}
