/**
 * A whole gateway over a fake datacenter, with a client. For tests only.
 */
import type { DatacenterName, DomainEvent, NodeName } from "@atoll/domain";
import { silentLog } from "@atoll/service-kit";
import { type App, startApp } from "../app.ts";
import type { FederationSettings } from "../peers/federation.ts";
import { ApiClient, call, eventually } from "./client.ts";
import { FakeDatacenter } from "./fake-datacenter.ts";

export interface TestGateway extends AsyncDisposable {
  readonly datacenter: FakeDatacenter;
  readonly app: App;
  readonly api: ApiClient;
}

export interface TestGatewayOptions {
  readonly replicas?: number;
  /** Names of nodes that are there from the beginning. */
  readonly nodes?: readonly string[];
  /** Default dc1. */
  readonly name?: string;
  /** Default none. */
  readonly federation?: FederationSettings;
}

export async function startTestGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const datacenter = await FakeDatacenter.start(options.replicas ?? 3);
  for (const name of options.nodes ?? []) datacenter.append(discovered(name));
  const name = options.name ?? "dc1";
  datacenter.groupId = `atoll/${name}`;
  const app = await startGatewayFor(datacenter, name, options.federation);
  const api = new ApiClient(app.port);
  await settled(api, name);
  return {
    datacenter,
    app,
    api,
    async [Symbol.asyncDispose](): Promise<void> {
      api[Symbol.dispose]();
      await app[Symbol.asyncDispose]();
      datacenter[Symbol.dispose]();
    },
  };
}

export function startGatewayFor(
  datacenter: FakeDatacenter,
  name = "dc1",
  federation?: FederationSettings,
): Promise<App> {
  return startApp(
    {
      datacenter: name as DatacenterName,
      listen: { host: "127.0.0.1", port: 0, text: "127.0.0.1:0" },
      replicas: datacenter.addresses,
      federation,
      adminPort: 0,
      transport: "insecure-for-lab",
      logLevel: "silent",
    },
    silentLog,
  );
}

/** The events of a node that was just found. */
export function discovered(name: string, labels: Record<string, string> = {}): DomainEvent[] {
  const node = name as NodeName;
  return [
    { type: "nodeDiscovered", node, incarnation: `incarnation-${name}`, labels },
    {
      type: "agentStarted",
      node,
      agentVersion: "0.1.0",
      bootId: "boot",
      rebooted: false,
      services: [],
      files: [],
    },
  ];
}

/** Waits until the gateway answers exactly. */
async function settled(api: ApiClient, name: string): Promise<void> {
  let exact = false;
  await eventually(
    () => {
      if (exact) return true;
      call(api.datacenters, api.datacenters.getDatacenter, { name: `datacenters/${name}` }).then(
        ({ response }) => {
          if (response.asOf?.stale === false) exact = true;
        },
        () => undefined,
      );
      return false;
    },
    { timeoutMs: 10_000 },
  );
}
