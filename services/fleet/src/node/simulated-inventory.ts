/**
 * The hardware of a simulated node: a plain two-socket server, the same each time but for serials.
 */
import { type Inventory, known, type Reading, unknown } from "@atoll/domain";

const GIB = 1_073_741_824;
const DIMMS = 8;
const NICS = 2;
const DISKS = 2;
const unread: Reading<string> = unknown("the node is simulated");

export function simulatedInventory(node: string): Inventory {
  return {
    system: { manufacturer: known("Atoll"), product: known("Simulated"), serial: known(node) },
    board: { manufacturer: known("Atoll"), product: known("Board"), serial: known(`${node}-b`) },
    bios: { vendor: known("Atoll"), version: known("1.0"), date: known("2026-01-01") },
    cpu: {
      model: known("Simulated CPU"),
      architecture: known("x64"),
      sockets: known(2),
      cores: known(64),
      threads: known(128),
    },
    memory: {
      totalBytes: known(DIMMS * 32 * GIB),
      dimms: known(
        Array.from({ length: DIMMS }, (_, at) => ({
          slot: `A${at}`,
          sizeBytes: 32 * GIB,
          kind: known("DDR5"),
          speedMts: known(4_800),
          serial: known(`${node}-m${at}`),
        })),
      ),
    },
    disks: known(
      Array.from({ length: DISKS }, (_, at) => ({
        name: `nvme${at}n1`,
        kind: known("nvme" as const),
        sizeBytes: known(3_840_000_000_000),
        model: known("Simulated disk"),
        serial: known(`${node}-d${at}`),
      })),
    ),
    nics: known(
      Array.from({ length: NICS }, (_, at) => ({
        name: `eth${at}`,
        mac: unread,
        speedMbps: known(25_000),
        link: known("up" as const),
        driver: known("simulated"),
      })),
    ),
    bmc: known({ present: false, interfaceName: unread, address: unread, firmware: unread }),
    kernel: known("6.12"),
    operatingSystem: known("Simulated"),
    hostName: known(node),
  };
}
