/**
 * Handles calls of `OrchestratorService.Session`: commands and read rounds of gateways.
 *
 * Answers are gathered for one turn of the loop and leave as one frame. A caller may have a bounded
 * number of calls without an answer; more are answered as overloaded. Decides nothing.
 */
import { fromProtoSubmit, toProtoRejection } from "@atoll/codec";
import type { Leader, SubmitOutcome } from "@atoll/control";
import type {
  Call,
  Reply,
  SessionRequest,
  SessionResponse,
} from "@atoll/proto/atoll/replica/v1/orchestrator";
import type { ReplicaDriver } from "@atoll/raft-replica";
import type { ServerDuplexStream } from "@grpc/grpc-js";

const CALLS_WITHOUT_ANSWER_MAX = 8_192;

type SessionCall = ServerDuplexStream<SessionRequest, SessionResponse>;
type ReplyContent = NonNullable<Reply["reply"]>;

export interface SessionPorts {
  readonly leader: Leader;
  readonly replica: ReplicaDriver;
  /** Indexes in answers are of this group's log. */
  readonly groupId: string;
}

/** All sessions of this replica, so that it can end them when it stops. */
export class Sessions {
  readonly #ports: SessionPorts;
  readonly #calls = new Set<SessionCall>();

  constructor(ports: SessionPorts) {
    this.#ports = ports;
  }

  /** Serves until the caller ends the stream, or `stop`. */
  serve(call: SessionCall): void {
    const session = new Session(call, this.#ports);
    this.#calls.add(call);
    const gone = (): void => {
      session.close();
      this.#calls.delete(call);
    };
    call.on("data", (request: SessionRequest) => {
      for (const one of request.calls) session.handle(one);
    });
    call.on("end", () => call.end());
    call.on("error", gone);
    call.on("cancelled", gone);
    call.on("close", gone);
  }

  /** Callers find the stream ended and go to another replica. */
  stop(): void {
    for (const call of this.#calls) call.end();
    this.#calls.clear();
  }
}

class Session {
  readonly #call: SessionCall;
  readonly #ports: SessionPorts;
  #replies: Reply[] = [];
  #pending = 0;
  #closed = false;

  constructor(call: SessionCall, ports: SessionPorts) {
    this.#call = call;
    this.#ports = ports;
  }

  close(): void {
    this.#closed = true;
    this.#replies = [];
  }

  handle({ id, call }: Call): void {
    this.#pending += 1;
    if (this.#pending > CALLS_WITHOUT_ANSWER_MAX) {
      const reason = `${CALLS_WITHOUT_ANSWER_MAX} calls of this session wait already`;
      this.#reply(id, { $case: "overloaded", value: { reason } });
    } else if (call?.$case === "submit") {
      const decoded = fromProtoSubmit(call.value);
      if (decoded.type === "undecodable") {
        const { reason } = decoded;
        this.#reply(id, {
          $case: "rejected",
          value: { code: "invalidArgument", reason, violations: [] },
        });
        return;
      }
      const { command, ...options } = decoded.value;
      this.#ports.leader.submit(command, options, (outcome) => {
        this.#reply(id, this.#outcome(outcome));
      });
    } else if (call?.$case === "readIndex") {
      this.#ports.replica.readIndex((outcome) => {
        this.#reply(
          id,
          outcome.type === "ready"
            ? { $case: "readReady", value: { index: outcome.index } }
            : { $case: "notLeader", value: { leader: outcome.leader } },
        );
      });
    } else {
      const reason = "this replica does not know such a call";
      this.#reply(id, {
        $case: "rejected",
        value: { code: "invalidArgument", reason, violations: [] },
      });
    }
  }

  #outcome(outcome: SubmitOutcome): ReplyContent {
    switch (outcome.type) {
      case "accepted":
        return { $case: "accepted", value: { index: outcome.index, operation: outcome.operation } };
      case "rejected":
        return { $case: "rejected", value: toProtoRejection(outcome) };
      case "notLeader":
        return { $case: "notLeader", value: { leader: this.#ports.replica.status().leader } };
      case "unknown":
        return { $case: "outcomeUnknown", value: {} };
      case "overloaded":
        return { $case: "overloaded", value: { reason: outcome.reason } };
    }
  }

  #reply(id: number, reply: ReplyContent): void {
    this.#pending -= 1;
    if (this.#closed) return;
    if (this.#replies.length === 0) setImmediate(() => this.#flush());
    this.#replies.push({ id, reply });
  }

  #flush(): void {
    const replies = this.#replies;
    this.#replies = [];
    if (replies.length > 0 && !this.#call.destroyed) {
      this.#call.write({ replies, groupId: this.#ports.groupId });
    }
  }
}
