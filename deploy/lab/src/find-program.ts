/**
 * Where programs are that the lab runs but does not bring.
 */
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { LabError } from "./options.ts";

/** Debian puts nats-server where the PATH of ordinary users does not look. */
const FURTHER_FOLDERS = ["/usr/sbin", "/usr/local/sbin", "/usr/local/bin"];

/** @throws LabError that says how to get it. */
export function findNatsServer(given: string | undefined): string {
  const named = given ?? process.env["ATOLL_NATS_SERVER"];
  if (named !== undefined && named !== "") return named;
  const folders = [...(process.env["PATH"] ?? "").split(":"), ...FURTHER_FOLDERS];
  const found = folders.map((folder) => join(folder, "nats-server")).find(isExecutable);
  if (found !== undefined) return found;
  throw new LabError(
    "nats-server is not installed; on Debian: `sudo apt-get install nats-server`, " +
      "or set ATOLL_NATS_SERVER to where it is",
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
