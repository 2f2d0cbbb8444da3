/**
 * Ports for the servers of tests: free now, and not given away by the kernel meanwhile.
 *
 * They lie below the range from which the kernel takes ports for outgoing connections and for
 * listeners that leave the choice to it. Else one server of a cluster may be given the very port
 * that was chosen for another, or a server that was killed finds its port taken. Only tests use it.
 */
import { randomInt } from "node:crypto";
import { createServer } from "node:net";

const PORT_MIN = 10_000;
/** Linux gives away 32,768 and above. */
const PORT_MAX = 32_000;
const ATTEMPTS_MAX = 200;

/** So many different ports. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  for (let attempt = 0; attempt < ATTEMPTS_MAX && ports.size < count; attempt += 1) {
    const port = randomInt(PORT_MIN, PORT_MAX);
    if (await isFree(port)) ports.add(port);
  }
  if (ports.size < count) throw new Error(`fewer than ${count} free ports found`);
  return [...ports];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
      server.close(() => resolve(true));
    });
  });
}
