/**
 * Which replicas this gateway asks: those that the log names, wherever they serve now.
 *
 * Until the log names any, those of the gateway's own configuration. A replica that was added is
 * asked without a restart; one that was removed is asked no more once it has left. Called once by
 * the composition root.
 */
import { checkTransport, type Log, type Transport } from "@atoll/service-kit";
import type { Mirror } from "./mirror.ts";
import type { ReplicaClients } from "./replica-clients.ts";

export function followAddresses(parts: {
  readonly clients: Pick<ReplicaClients, "setAddresses">;
  readonly mirror: Mirror;
  readonly transport: Transport;
  readonly log: Log;
}): void {
  const { clients, mirror, transport, log } = parts;
  let followed = "";
  function follow(): void {
    const addresses = new Map<number, string>();
    for (const { id, address } of mirror.datacenter.groupReplicas()) {
      if (isAllowed(transport, address)) addresses.set(id, address);
    }
    const text = JSON.stringify([...addresses]);
    if (addresses.size === 0 || text === followed) return;
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
