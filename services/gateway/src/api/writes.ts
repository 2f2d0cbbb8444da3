/**
 * How a write is done: sent to whoever leads until it is answered, and answered once this gateway
 * shows its effect.
 *
 * Every write has a request id, the caller's or one of ours, so that repeating it inside the
 * deadline is harmless. The answer carries the log index, also as metadata.
 */
import { randomBytes } from "node:crypto";
import { showText } from "@atoll/domain";
import type { SubmitCommand, Violation } from "@atoll/proto/atoll/replica/v1/orchestrator";
import { ApiError, type CallContext, type FieldViolation, invalidField } from "@atoll/service-kit";
import type { Clock } from "@atoll/stdx";
import { status } from "@grpc/grpc-js";
import type { Caller } from "../islands/caller.ts";
import { contactOf } from "../islands/contact.ts";
import type { Mirror } from "../islands/mirror.ts";
import { tellIndex } from "./begin-read.ts";
import { failureError, rejectionError } from "./rejections.ts";

export const INDEX_KEY = "atoll-index";

export interface WriteOptions {
  readonly command: NonNullable<SubmitCommand["command"]>;
  /** Empty for one of ours. */
  readonly requestId: string;
  readonly validateOnly?: boolean;
  readonly locate?: (violation: Violation) => FieldViolation;
}

export interface WriteResult {
  readonly index: number;
  /** Empty when there is nothing to wait for. */
  readonly operation: string;
}

const REQUEST_PREFIX_BYTES = 12;
const REQUEST_ID_PATTERN = /^[!-~]{1,128}$/;
/** The caller must hear from us before it gives up itself. */
const ANSWER_MARGIN_MS_MAX = 100;
const ANSWER_MARGIN_SHARE = 0.1;

export class Writes {
  readonly #datacenter: string;
  readonly #caller: Caller;
  readonly #mirror: Mirror;
  readonly #clock: Clock;
  /**
   * Of this process alone; a count makes the rest, since drawing an id for each request costs time.
   */
  readonly #requestPrefix: string = randomBytes(REQUEST_PREFIX_BYTES).toString("hex");
  #requestCount = 0;

  constructor(options: {
    readonly datacenter: string;
    readonly caller: Caller;
    readonly mirror: Mirror;
    readonly clock: Clock;
  }) {
    this.#datacenter = options.datacenter;
    this.#caller = options.caller;
    this.#mirror = options.mirror;
    this.#clock = options.clock;
  }

  /** @throws ApiError for every outcome but success. */
  async submit(context: CallContext, options: WriteOptions): Promise<WriteResult> {
    const requestId = this.#requestIdOf(options.requestId);
    const deadlineMs = this.#ownDeadlineMs(context);
    const outcome = await this.#caller.call(
      {
        $case: "submit",
        value: {
          requestId,
          actor: context.actor,
          command: options.command,
          validateOnly: options.validateOnly ?? false,
        },
      },
      deadlineMs,
    );
    switch (outcome.type) {
      case "accepted":
        await this.#visible(outcome, deadlineMs);
        context.trailers.set(INDEX_KEY, String(outcome.index));
        tellIndex(context, this.#datacenter, outcome.index);
        return outcome;
      case "rejected":
        throw rejectionError(outcome, options.locate);
      case "ready":
        throw new ApiError(status.INTERNAL, "the orchestrator answered something else", {
          reason: "INTERNAL",
        });
      default:
        throw failureError(outcome, {
          datacenter: this.#datacenter,
          requestId,
          contact: contactOf({ caller: this.#caller, mirror: this.#mirror, clock: this.#clock }),
        });
    }
  }

  async #visible(
    { index, groupId }: { readonly index: number; readonly groupId: string },
    deadlineMs: number,
  ): Promise<void> {
    if (await this.#mirror.reached(index, groupId, deadlineMs)) return;
    throw new ApiError(
      status.DEADLINE_EXCEEDED,
      `it was done, at index ${index}, but this gateway has not seen it yet`,
      {
        reason: "DONE_NOT_VISIBLE",
        metadata: { datacenter: this.#datacenter, index: String(index) },
      },
    );
  }

  #ownDeadlineMs(context: CallContext): number {
    const leftMs = context.deadlineMs - this.#clock.monotonicMs();
    return context.deadlineMs - Math.min(ANSWER_MARGIN_MS_MAX, leftMs * ANSWER_MARGIN_SHARE);
  }

  #requestIdOf(given: string): string {
    if (given === "") {
      this.#requestCount += 1;
      return `${this.#requestPrefix}-${this.#requestCount}`;
    }
    if (REQUEST_ID_PATTERN.test(given)) return given;
    throw invalidField(
      "request_id",
      `${showText(given)} is not one: 1 to 128 printable ASCII characters without blanks`,
      "REQUEST_ID_INVALID",
    );
  }
}
