/**
 * The story's own client of `atoll.v1`: short calls, retried while the gateway or the leader is
 * away.
 *
 * The story measures, so it speaks the API directly; what it shows to people it takes from the
 * command line.
 */
import { setTimeout as delay } from "node:timers/promises";
import { ActionServiceService, type Action } from "@atoll/proto/atoll/v1/action";
import { DatacenterServiceService, type Datacenter } from "@atoll/proto/atoll/v1/datacenter";
import {
  EventServiceService,
  type Event,
  type WatchEventsResponse,
} from "@atoll/proto/atoll/v1/event";
import { GroupServiceService, type ListReplicasResponse } from "@atoll/proto/atoll/v1/group";
import { NodeServiceService, type Node } from "@atoll/proto/atoll/v1/node";
import { Client, credentials, status, type ServiceError } from "@grpc/grpc-js";

interface Method<Request, Response> {
  readonly path: string;
  readonly requestSerialize: (value: Request) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

const CALL_TIMEOUT_MS = 2_000;
const RETRY_DELAY_MS = 10;
const PAGE_SIZE = 1_000;

export class StoryApi implements Disposable {
  readonly #client: Client;
  /** Its resource name. */
  readonly datacenter: string;

  constructor(gatewayAddress: string, datacenter = "dc1") {
    this.datacenter = `datacenters/${datacenter}`;
    this.#client = new Client(gatewayAddress, credentials.createInsecure(), {
      "grpc.initial_reconnect_backoff_ms": 50,
      "grpc.max_reconnect_backoff_ms": 200,
    });
  }

  /** One attempt. */
  call<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    timeoutMs: number = CALL_TIMEOUT_MS,
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        { deadline: Date.now() + timeoutMs },
        (error, response) => (error === null ? resolve(response as Response) : reject(error)),
      );
    });
  }

  /** Attempts until one succeeds or is refused; the request id makes repeated writes harmless. */
  async insist<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    allowedMs: number,
  ): Promise<Response> {
    const deadlineMs = performance.now() + allowedMs;
    while (true) {
      try {
        return await this.call(method, request);
      } catch (error) {
        const { code } = error as ServiceError;
        const away = code === status.UNAVAILABLE || code === status.DEADLINE_EXCEEDED;
        if (!away || performance.now() > deadlineMs) throw error;
        await delay(RETRY_DELAY_MS);
      }
    }
  }

  /** Undefined while there is none, or nobody answers. */
  async node(name: string): Promise<Node | undefined> {
    const request = { name: `${this.datacenter}/nodes/${name}` };
    return this.call(NodeServiceService.getNode, request).catch(() => undefined);
  }

  async nodes(): Promise<readonly Node[]> {
    const request = { parent: this.datacenter, pageSize: PAGE_SIZE, pageToken: "", filter: "" };
    const answer = await this.insist(NodeServiceService.listNodes, request, 10_000);
    return answer.nodes;
  }

  async dc(): Promise<Datacenter> {
    return this.insist(DatacenterServiceService.getDatacenter, { name: this.datacenter }, 10_000);
  }

  /** The control plane's own replicas. */
  async group(): Promise<ListReplicasResponse> {
    const request = { parent: this.datacenter, pageSize: 0, pageToken: "" };
    return this.insist(GroupServiceService.listReplicas, request, 10_000);
  }

  /** The name of the leader's process. */
  async leader(): Promise<string> {
    const deadlineMs = performance.now() + 10_000;
    while (performance.now() < deadlineMs) {
      const leader = (await this.dc()).replicas.find(
        (one) => one.reachable && one.role === "leader",
      );
      if (leader !== undefined) return `orchestrator-${leader.id}`;
      await delay(20);
    }
    throw new Error("nobody leads");
  }

  async actions(node: string): Promise<readonly Action[]> {
    const actions: Action[] = [];
    let pageToken = "";
    do {
      const request = {
        parent: this.datacenter,
        pageSize: PAGE_SIZE,
        pageToken,
        filter: `node = "${node}"`,
      };
      const page = await this.insist(ActionServiceService.listActions, request, 10_000);
      actions.push(...page.actions);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    return actions;
  }

  /** The whole history that is kept. */
  async events(): Promise<readonly Event[]> {
    const events: Event[] = [];
    let pageToken = "";
    do {
      const request = {
        parent: this.datacenter,
        pageSize: PAGE_SIZE,
        pageToken,
        filter: "",
        fromIndex: 0,
      };
      const page = await this.insist(EventServiceService.listEvents, request, 10_000);
      events.push(...page.events);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    return events;
  }

  /** Events as they come; ends by an error when the connection breaks. */
  watchEvents(fromIndex: number): AsyncIterable<WatchEventsResponse> & { cancel: () => void } {
    const method = EventServiceService.watchEvents;
    return this.#client.makeServerStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      { parent: this.datacenter, filter: "", fromIndex },
    );
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}
