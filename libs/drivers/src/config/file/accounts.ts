/**
 * Turns names of users and groups into numbers.
 *
 * Looks into /etc/passwd and /etc/group, then asks `getent`, which knows directory services. Digits
 * stand for themselves.
 */
import { readFile } from "node:fs/promises";
import { DriverError } from "../../errors.ts";
import { runCommand } from "../../run-command.ts";

const GETENT_TIMEOUT_MS = 5_000;

/** @throws DriverError ACCOUNT_UNKNOWN */
export function findUser(name: string): Promise<number> {
  return find("user", "passwd", name);
}

/** @throws DriverError ACCOUNT_UNKNOWN */
export function findGroup(name: string): Promise<number> {
  return find("group", "group", name);
}

async function find(kind: string, database: string, name: string): Promise<number> {
  if (/^[0-9]{1,9}$/.test(name)) return Number(name);
  const own = numberOf(name, await readFile(`/etc/${database}`, "utf8").catch(() => ""));
  if (own !== undefined) return own;
  const asked = await runCommand(["getent", "--", database, name], {
    timeoutMs: GETENT_TIMEOUT_MS,
  });
  const told = asked.type === "ended" ? numberOf(name, asked.output) : undefined;
  if (told !== undefined) return told;
  throw new DriverError("ACCOUNT_UNKNOWN", `there is no ${kind} ${JSON.stringify(name)}`);
}

/** Both files hold the name first and the number third. */
function numberOf(name: string, text: string): number | undefined {
  for (const line of text.split("\n")) {
    const fields = line.split(":");
    const number = Number(fields[2]);
    if (fields[0] === name && fields[2] !== "" && Number.isInteger(number)) return number;
  }
  return undefined;
}
