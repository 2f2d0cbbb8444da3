/**
 * Whether a process can be used: asked of the process itself.
 */
import { Client, credentials } from "@grpc/grpc-js";
import type { ReadyProbe } from "./topology.ts";

const PROBE_TIMEOUT_MS = 1_000;
const HEALTH_CHECK = "/grpc.health.v1.Health/Check";

/** False when there is no answer within `timeoutMs`. */
export async function isReady(
  probe: ReadyProbe,
  timeoutMs: number = PROBE_TIMEOUT_MS,
): Promise<boolean> {
  switch (probe.type) {
    case "http":
      return answersHttp(probe.url, timeoutMs);
    case "grpcHealth":
      return servesGrpc(probe.address, timeoutMs);
  }
}

async function answersHttp(url: string, timeoutMs: number): Promise<boolean> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    return false;
  }
}

/** The whole server is SERVING: the first field of a HealthCheckResponse is 1. */
function servesGrpc(address: string, timeoutMs: number): Promise<boolean> {
  const client = new Client(address, credentials.createInsecure());
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      HEALTH_CHECK,
      // A HealthCheckRequest that names no service.
      () => Buffer.alloc(0),
      (bytes: Buffer) => bytes[0] === 8 && bytes[1] === 1,
      undefined,
      { deadline: Date.now() + timeoutMs },
      (error, serving) => {
        client.close();
        resolve(error === null && serving === true);
      },
    );
  });
}
