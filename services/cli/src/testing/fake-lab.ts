/**
 * The process of a lab in memory: two datacenters and what was done to the link between them, over
 * a real gRPC connection. Its state folder holds a `lab.json` as the real one has it.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  Server,
  ServerCredentials,
  status,
  type handleUnaryCall,
  type ServiceError,
} from "@grpc/grpc-js";
import { LabServiceService, type Lab, type LabLane } from "@atoll/proto/atoll/lab/v1/lab";
import { ApiError, toStatus } from "@atoll/service-kit";

const WHOLE = { cut: false, delayMs: 0, lossPpm: 0, bytesPerSecond: 0 };
const NAMES = ["east", "west"];

export async function startFakeLab(stateDir: string): Promise<AsyncDisposable> {
  const lanes = NAMES.map((from, at): LabLane => {
    const to = NAMES[1 - at] as string;
    return { from, to, ...WHOLE, connections: 1 - at, carriedBytes: 2_048 };
  });
  const change = (from: string, conditions: Partial<LabLane>): void => {
    const at = NAMES.indexOf(from);
    if (at < 0) {
      const message = `the lab has no datacenter "${from}", only ${NAMES.join(", ")}`;
      throw new ApiError(status.NOT_FOUND, message, { reason: "DATACENTER_UNKNOWN" });
    }
    lanes[at] = { ...(lanes[at] as LabLane), ...conditions };
  };
  const answer =
    <Request>(work: (request: Request) => void): handleUnaryCall<Request, Lab> =>
    ({ request }, callback) => {
      try {
        work(request);
        callback(null, describe(stateDir, lanes));
      } catch (error) {
        callback(toStatus(error) as ServiceError);
      }
    };
  const server = new Server();
  server.addService(LabServiceService, {
    getLab: answer(() => undefined),
    cutLink: answer(({ datacenter, other }: { datacenter: string; other: string }) => {
      for (const name of [datacenter, other]) change(name, { cut: true });
    }),
    cutOneWay: answer(({ from, to }: { from: string; to: string }) => {
      change(from, { cut: false });
      change(to, { cut: true });
    }),
    slowLink: answer((request: { datacenter: string; other: string }) => {
      const { datacenter, other, ...slowness } = request;
      for (const name of [datacenter, other]) change(name, slowness);
    }),
    healLinks: answer(() => {
      for (const name of NAMES) change(name, WHOLE);
    }),
  });
  const credentials = ServerCredentials.createInsecure();
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", credentials, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  await mkdir(stateDir, { recursive: true });
  const datacenters = NAMES.map((name) => ({ name }));
  const file = { version: 2, control: `127.0.0.1:${port}`, datacenters };
  await writeFile(join(stateDir, "lab.json"), JSON.stringify(file));
  return {
    async [Symbol.asyncDispose](): Promise<void> {
      server.forceShutdown();
    },
  };
}

function describe(stateDir: string, lanes: readonly LabLane[]): Lab {
  const datacenters = NAMES.map((name, at) => ({
    name,
    gateway: `127.0.0.1:${7_400 + 1_000 * at}`,
    processes: [
      { name: "nats", state: "ready" },
      { name: "gateway", state: at === 0 ? "ready" : "waiting" },
    ],
  }));
  return { stateDir, datacenters, lanes };
}
