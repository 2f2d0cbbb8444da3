/**
 * The connection to a gateway: unary calls with a deadline, and streams.
 *
 * One channel for all services of `atoll.v1`; the methods come from the generated definitions. A
 * call that no gateway could have carried out is repeated a few times; writes carry a request id,
 * so that a repetition is harmless. Made once per command by `command-context.ts`.
 */
import { setTimeout as delay } from "node:timers/promises";
import { AsOf } from "@atoll/proto/atoll/v1/common";
import { DatacenterServiceService } from "@atoll/proto/atoll/v1/datacenter";
import { ACTOR_KEY, CHANNEL_OPTIONS } from "@atoll/service-kit";
import { Client, Metadata, type ChannelCredentials } from "@grpc/grpc-js";
import { CommandError, GatewayError, isTransient, usageError } from "./failure.ts";
import { EXIT_STATUS } from "./exit-status.ts";
import { ALL_DATACENTERS } from "./resource-names.ts";

/** Waits between attempts of a unary call; their count bounds the attempts. */
const RETRY_DELAYS_MS = [100, 300];
/** As --datacenter. */
const ALL = "all";
const NAME_ONE = "name one with --datacenter; `atoll dc list` shows them";
const DATACENTERS_MAX = 1_000;
/** Metadata in which the gateway says how old an answer is that has no place for it. */
const AS_OF_KEY = "atoll-as-of-bin";

interface Method<Request, Response> {
  readonly path: string;
  readonly requestSerialize: (value: Request) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

export interface UnaryMethod<Request, Response> extends Method<Request, Response> {
  readonly responseStream: false;
}

export interface StreamMethod<Request, Response> extends Method<Request, Response> {
  readonly responseStream: true;
}

export interface GatewayOptions {
  /** host:port */
  readonly address: string;
  readonly credentials: ChannelCredentials;
  /** For one unary call with its repetitions. */
  readonly timeoutMs: number;
  /** Who asks, for the history; absent: nobody in particular. */
  readonly actor: string | undefined;
  /** The datacenter to speak about, `all` in lists; absent: the gateway's own. */
  readonly datacenter: string | undefined;
  /** Ends everything that is under way. */
  readonly signal: AbortSignal;
}

export class Gateway implements Disposable {
  readonly address: string;
  readonly #client: Client;
  readonly #options: GatewayOptions;
  readonly #metadata = new Metadata();
  #datacenter: Promise<string> | undefined;
  #asOf: AsOf | undefined;

  constructor(options: GatewayOptions) {
    this.address = options.address;
    this.#options = options;
    if (options.actor !== undefined) this.#metadata.set(ACTOR_KEY, options.actor);
    this.#client = new Client(options.address, options.credentials, CHANNEL_OPTIONS);
  }

  /** Lists are over all datacenters. */
  get isOverAll(): boolean {
    return this.#options.datacenter === ALL;
  }

  /** A datacenter was named, or all. */
  get isElsewhere(): boolean {
    return this.#options.datacenter !== undefined;
  }

  /** How old the last unary answer is; undefined where that was up to date or says it itself. */
  get asOf(): AsOf | undefined {
    return this.#asOf;
  }

  /** What lists are of: `datacenters/DC`, or `datacenters/-` for all. */
  async parent(): Promise<string> {
    return this.isOverAll ? ALL_DATACENTERS : this.datacenter();
  }

  /** The datacenter's resource name: `datacenters/DC`. */
  datacenter(): Promise<string> {
    this.#datacenter ??= this.#findDatacenter();
    return this.#datacenter;
  }

  /** Throws {@link GatewayError}. `timeoutMs` shortens the time allowed. */
  async call<Request, Response>(
    method: UnaryMethod<Request, Response>,
    request: Request,
    timeoutMs: number = this.#options.timeoutMs,
  ): Promise<Response> {
    const deadline = Date.now() + timeoutMs;
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.#callOnce(method, request, deadline);
      } catch (error) {
        const delayMs = RETRY_DELAYS_MS[attempt];
        const again = delayMs !== undefined && Date.now() + delayMs < deadline;
        if (!again || !isTransient(error) || this.#options.signal.aborted) throw error;
        await this.#pause(delayMs);
      }
    }
  }

  /** Messages as they come. Ends with the stream; throws {@link GatewayError} when it breaks. */
  async *stream<Request, Response>(
    method: StreamMethod<Request, Response>,
    request: Request,
    signal: AbortSignal = this.#options.signal,
  ): AsyncGenerator<Response, void, undefined> {
    const stream = this.#client.makeServerStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      this.#metadata,
    );
    const cancel = (): void => stream.cancel();
    signal.addEventListener("abort", cancel, { once: true });
    if (signal.aborted) cancel();
    try {
      for await (const message of stream) yield message as Response;
    } catch (error) {
      throw this.#interruption() ?? new GatewayError(error, this.address);
    } finally {
      signal.removeEventListener("abort", cancel);
      stream.cancel();
    }
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }

  #callOnce<Request, Response>(
    method: UnaryMethod<Request, Response>,
    request: Request,
    deadline: number,
  ): Promise<Response> {
    const { signal } = this.#options;
    return new Promise((resolve, reject) => {
      const call = this.#client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        this.#metadata,
        { deadline },
        (error, response) => {
          signal.removeEventListener("abort", cancel);
          if (error === null && response !== undefined) resolve(response);
          else reject(this.#interruption() ?? new GatewayError(error, this.address));
        },
      );
      // Comes before whoever waits for the answer goes on.
      call.on("status", ({ metadata }) => {
        const [bytes] = metadata.get(AS_OF_KEY);
        this.#asOf = bytes instanceof Buffer ? AsOf.decode(bytes) : undefined;
      });
      const cancel = (): void => call.cancel();
      signal.addEventListener("abort", cancel, { once: true });
      if (signal.aborted) cancel();
    });
  }

  async #findDatacenter(): Promise<string> {
    if (this.isOverAll) {
      throw usageError("this is about one datacenter, not about all", NAME_ONE);
    }
    if (this.#options.datacenter !== undefined) return `datacenters/${this.#options.datacenter}`;
    const answer = await this.call(DatacenterServiceService.listDatacenters, {
      pageSize: DATACENTERS_MAX,
      pageToken: "",
    });
    const home = answer.datacenters.find((datacenter) => datacenter.home);
    if (home !== undefined) return home.name;
    const [only, another] = answer.datacenters;
    if (only !== undefined && another === undefined) return only.name;
    throw new CommandError(
      only === undefined
        ? "the gateway knows no datacenter yet"
        : "the gateway knows several datacenters",
      {
        exitStatus: only === undefined ? EXIT_STATUS.unavailable : EXIT_STATUS.usage,
        hints: [NAME_ONE],
      },
    );
  }

  #interruption(): CommandError | undefined {
    if (!this.#options.signal.aborted) return undefined;
    return new CommandError("interrupted", { exitStatus: EXIT_STATUS.interrupted });
  }

  async #pause(delayMs: number): Promise<void> {
    await delay(delayMs, undefined, { signal: this.#options.signal }).catch(() => undefined);
  }
}
