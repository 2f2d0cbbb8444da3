/**
 * Which replicas this gateway asks: those that the log names, wherever they serve now.
 *
 * While the log names fewer than the gateway's own configuration, those of the configuration as
 * well: the records are written one by one, and a gateway must not lose sight of the leader
 * meanwhile. A replica that was added is asked without a restart. Called once by the composition
 * root.
 */
import { checkTransport, type Log, type Transport } from "@atoll/service-kit";
import type { Mirror } from "../islands/mirror.ts";
import type { ReplicaClients } from "./replica-clients.ts";

export function followAddresses(parts: {
  readonly clients: Pick<ReplicaClients, "setAddresses">;
  readonly mirror: Mirror;
  /** host:port by id. */
  readonly configured: ReadonlyMap<number, string>;
  readonly transport: Transport;
  readonly log: Log;
}): void {
  const { clients, mirror, configured, transport, log } = parts;
  let followed = "";
  function follow(): void {
    const records = mirror.datacenter.groupReplicas();
    const addresses = new Map(records.length < configured.size ? configured : []);
    for (const { id, address } of records) {
      if (isAllowed(transport, address)) addresses.set(id, address);
    }
    const text = JSON.stringify([...addresses]);
    if (addresses.size === 0 || records.length === 0 || text === followed) return;
    followed = text;
    log.info("replicas by the log", { replicas: text });
    clients.setAddresses(addresses);
  }
  mirror.onChange(follow);
}

/** Plaintext stays on loopback, whatever the log says. */
function isAllowed(transport: Transport, address: string): boolean {
  try {
    checkTransport(transport, address);
    return true;
  } catch {
    return false;
  }
}
