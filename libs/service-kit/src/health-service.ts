/**
 * grpc.health.v1: whether each service of a server may be used.
 *
 * Everything begins as not serving; the composition root says when that changes. Watchers are told
 * of each change and their number is bounded.
 */
import {
  type HealthCheckRequest,
  type HealthCheckResponse,
  HealthCheckResponse_ServingStatus as ServingStatus,
  type HealthServer,
} from "@atoll/proto/grpc/health/v1/health";
import { type ServerWritableStream, status } from "@grpc/grpc-js";
import { ApiError } from "./api-error.ts";
import { toStatus } from "./status.ts";

type HealthStream = ServerWritableStream<HealthCheckRequest, HealthCheckResponse>;

const WATCHERS_MAX = 1_000;

export class HealthBoard {
  readonly #statuses = new Map<string, ServingStatus>();
  readonly #watchers = new Map<HealthStream, string>();

  /** @param services full names; the server as a whole is the empty name. */
  constructor(services: readonly string[]) {
    for (const name of ["", ...services]) this.#statuses.set(name, ServingStatus.NOT_SERVING);
  }

  get servingOverall(): boolean {
    return this.#statuses.get("") === ServingStatus.SERVING;
  }

  setServing(service: string, serving: boolean): void {
    const next = serving ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
    if (this.#statuses.get(service) === next) return;
    this.#statuses.set(service, next);
    for (const [stream, watched] of this.#watchers) {
      if (watched === service) stream.write({ status: next });
    }
  }

  /** Nothing is served any more; watchers are told and their streams end. */
  close(): void {
    for (const name of this.#statuses.keys()) this.setServing(name, false);
    for (const stream of this.#watchers.keys()) stream.end();
    this.#watchers.clear();
  }

  implementation(): HealthServer {
    return {
      check: (call, callback) => {
        const current = this.#statuses.get(call.request.service);
        if (current === undefined) callback(toStatus(this.#unknown(call.request.service)));
        else callback(null, { status: current });
      },
      watch: (call) => this.#watch(call),
    };
  }

  #watch(call: HealthStream): void {
    call.on("error", () => {});
    if (this.#watchers.size >= WATCHERS_MAX) {
      const message = `${WATCHERS_MAX} health watchers are the most that this server serves`;
      const error = new ApiError(status.RESOURCE_EXHAUSTED, message, {
        reason: "TOO_MANY_WATCHERS",
      });
      call.emit("error", toStatus(error));
      return;
    }
    const { service } = call.request;
    call.write({ status: this.#statuses.get(service) ?? ServingStatus.SERVICE_UNKNOWN });
    this.#watchers.set(call, service);
    call.on("cancelled", () => {
      this.#watchers.delete(call);
      call.end();
    });
  }

  #unknown(service: string): ApiError {
    const known = [...this.#statuses.keys()].filter((name) => name !== "").join(", ");
    return new ApiError(
      status.NOT_FOUND,
      `no service ${JSON.stringify(service.slice(0, 128))} here; known are ${known}`,
      { reason: "SERVICE_UNKNOWN" },
    );
  }
}
