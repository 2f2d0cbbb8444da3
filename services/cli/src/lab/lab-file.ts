/**
 * The little that the command reads of a lab's `lab.json`: where the lab takes commands, and what
 * its datacenters are called.
 *
 * The file belongs to the lab, which replaces it whole; here it is only read, and doubted.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface KnownLab {
  /** host:port; absent while no lab runs. */
  readonly control: string | undefined;
  readonly datacenters: readonly string[];
}

/** Undefined when there is none, or nothing that can be read. */
export function readLab(stateDir: string): KnownLab | undefined {
  try {
    const content: unknown = JSON.parse(readFileSync(join(stateDir, "lab.json"), "utf8"));
    const { control, datacenters } = content as Readonly<Record<string, unknown>>;
    return {
      control: typeof control === "string" ? control : undefined,
      datacenters: Array.isArray(datacenters) ? datacenters.flatMap(nameOf) : [],
    };
  } catch {
    return undefined;
  }
}

/** For tab completion: nothing where there is no lab. */
export function labDatacenters(stateDir: string): readonly string[] {
  return readLab(stateDir)?.datacenters ?? [];
}

function nameOf(datacenter: unknown): string[] {
  const { name } = (datacenter ?? {}) as Readonly<Record<string, unknown>>;
  return typeof name === "string" ? [name] : [];
}
