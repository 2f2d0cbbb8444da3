/**
 * Who this agent is: an incarnation that lasts as long as its data folder, and a count of its
 * starts.
 *
 * Kept in a file of its own beside the database, so that damage to the database can never make a
 * boot number, and with it a position of the outbox, appear twice. Durable before anything else of
 * a start happens.
 */
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Identity } from "@atoll/agent-core";
import { replaceFile } from "@atoll/drivers";
import { OperationalError } from "@atoll/service-kit/process";
import { assertCounter } from "@atoll/stdx";

export const IDENTITY_FILE = "identity.json";

/**
 * Counts one more start. @throws OperationalError `identityDamaged` when the file is there but is
 * not one.
 */
export async function nextIdentity(folder: string): Promise<Identity> {
  const before = await readIdentity(join(folder, IDENTITY_FILE));
  const identity: Identity =
    before === undefined
      ? { incarnation: randomUUID(), boot: 1 }
      : { incarnation: before.incarnation, boot: before.boot + 1 };
  await writeIdentity(folder, identity);
  return identity;
}

/**
 * Makes a new incarnation: for the orchestrator, the node as it was is gone. @param boot as a boot
 * of the new one; later than every boot before, where facts of those are taken along.
 */
export async function newIncarnation(folder: string, boot: number = 1): Promise<Identity> {
  const identity: Identity = { incarnation: randomUUID(), boot };
  await writeIdentity(folder, identity);
  return identity;
}

async function writeIdentity(folder: string, identity: Identity): Promise<void> {
  await replaceFile(join(folder, IDENTITY_FILE), `${JSON.stringify(identity)}\n`, { mode: 0o600 });
}

async function readIdentity(path: string): Promise<Identity | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as { code?: unknown }).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    const { incarnation, boot } = JSON.parse(text) as Identity;
    assertCounter(boot, "boot");
    if (typeof incarnation !== "string" || incarnation === "")
      throw new SyntaxError("no incarnation");
    return { incarnation, boot };
  } catch (cause) {
    const message = `${path} is damaged; remove it to let the node begin anew`;
    throw new OperationalError(message, { code: "identityDamaged", cause });
  }
}
