/**
 * The hardware and system of a node, as its agent read it.
 *
 * A reading that could not be taken says why; it is never guessed, never zero, never empty text.
 */

export type Reading<T> =
  | { readonly type: "known"; readonly value: T }
  | { readonly type: "unknown"; readonly reason: string };

export interface Inventory {
  readonly system: {
    readonly manufacturer: Reading<string>;
    readonly product: Reading<string>;
    readonly serial: Reading<string>;
  };
  readonly board: {
    readonly manufacturer: Reading<string>;
    readonly product: Reading<string>;
    readonly serial: Reading<string>;
  };
  readonly bios: {
    readonly vendor: Reading<string>;
    readonly version: Reading<string>;
    readonly date: Reading<string>;
  };
  readonly cpu: Cpu;
  readonly memory: {
    readonly totalBytes: Reading<number>;
    readonly dimms: Reading<readonly Dimm[]>;
  };
  readonly disks: Reading<readonly Disk[]>;
  readonly nics: Reading<readonly Nic[]>;
  /** `present: false` when the machine was searched and has none. */
  readonly bmc: Reading<Bmc>;
  readonly kernel: Reading<string>;
  readonly operatingSystem: Reading<string>;
  readonly hostName: Reading<string>;
}

export interface Cpu {
  readonly model: Reading<string>;
  readonly architecture: Reading<string>;
  readonly sockets: Reading<number>;
  readonly cores: Reading<number>;
  readonly threads: Reading<number>;
}

export interface Dimm {
  readonly slot: string;
  readonly sizeBytes: number;
  readonly kind: Reading<string>;
  readonly speedMts: Reading<number>;
  readonly serial: Reading<string>;
}

export type DiskKind = "nvme" | "ssd" | "hdd" | "virtual";

export interface Disk {
  readonly name: string;
  readonly kind: Reading<DiskKind>;
  readonly sizeBytes: Reading<number>;
  readonly model: Reading<string>;
  readonly serial: Reading<string>;
}

export interface Nic {
  readonly name: string;
  readonly mac: Reading<string>;
  readonly speedMbps: Reading<number>;
  readonly link: Reading<"up" | "down">;
  readonly driver: Reading<string>;
}

export interface Bmc {
  readonly present: boolean;
  readonly interfaceName: Reading<string>;
  readonly address: Reading<string>;
  readonly firmware: Reading<string>;
}

export function known<T>(value: T): Reading<T> {
  return { type: "known", value };
}

export function unknown<T>(reason: string): Reading<T> {
  return { type: "unknown", reason };
}
