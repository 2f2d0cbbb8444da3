/**
 * An inventory for tests of the planner, of which only what is given is known.
 */
import { type Inventory, known, type Reading, unknown } from "@atoll/domain";

/** Names that count: model, architecture, cores, threads, memoryMib. */
export function inventoryOf(given: Readonly<Record<string, string>>): Inventory {
  const missing = unknown<never>("not read");
  function reading<T>(name: string, parse: (text: string) => T): Reading<T> {
    const text = given[name];
    return text === undefined ? unknown(`${name} could not be read`) : known(parse(text));
  }
  return {
    system: { manufacturer: missing, product: missing, serial: missing },
    board: { manufacturer: missing, product: missing, serial: missing },
    bios: { vendor: missing, version: missing, date: missing },
    cpu: {
      model: reading("model", String),
      architecture: reading("architecture", String),
      sockets: missing,
      cores: reading("cores", Number),
      threads: reading("threads", Number),
    },
    memory: {
      totalBytes: reading("memoryMib", (text) => Number(text) * 1_048_576),
      dimms: missing,
    },
    disks: missing,
    nics: missing,
    bmc: missing,
    kernel: missing,
    operatingSystem: missing,
    hostName: missing,
  };
}
