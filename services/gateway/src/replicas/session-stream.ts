/**
 * One Session stream to one replica.
 *
 * Calls made in one turn of the loop leave as one frame; while the connection pushes back they
 * wait. Once broken it stays broken and says so once; its owner opens another. Knows nothing of
 * leaders and retries.
 */
import type {
  Call,
  OrchestratorServiceClient,
  Reply,
  SessionRequest,
  SessionResponse,
} from "@atoll/proto/atoll/replica/v1/orchestrator";
import type { ClientDuplexStream } from "@grpc/grpc-js";

const CALLS_PER_FRAME_MAX = 512;
const FRAME_BYTES_MAX = 1_048_576;

export interface SizedCall {
  readonly call: Call;
  readonly bytes: number;
}

export interface SessionStreamListener {
  /** Indexes in the reply are of the log of group `groupId`. */
  replied(reply: Reply, groupId: string): void;
  broken(reason: string): void;
}

export class SessionStream {
  readonly #stream: ClientDuplexStream<SessionRequest, SessionResponse>;
  readonly #listener: SessionStreamListener;
  #waiting: SizedCall[] = [];
  #flushRequested = false;
  #pushedBack = false;
  #broken = false;

  constructor(client: OrchestratorServiceClient, listener: SessionStreamListener) {
    this.#listener = listener;
    this.#stream = client.session();
    this.#stream.on("data", (response: SessionResponse) => {
      for (const reply of response.replies) listener.replied(reply, response.groupId);
    });
    this.#stream.on("error", (error) => this.#break(error.message));
    this.#stream.on("end", () => this.#break("the replica ended the session"));
    this.#stream.on("drain", () => {
      this.#pushedBack = false;
      this.#flush();
    });
  }

  get broken(): boolean {
    return this.#broken;
  }

  send(call: SizedCall): void {
    this.#waiting.push(call);
    if (this.#flushRequested || this.#pushedBack) return;
    this.#flushRequested = true;
    setImmediate(() => {
      this.#flushRequested = false;
      this.#flush();
    });
  }

  close(): void {
    this.#broken = true;
    this.#stream.cancel();
  }

  #flush(): void {
    while (this.#waiting.length > 0 && !this.#pushedBack && !this.#broken) {
      let count = 0;
      let bytes = 0;
      while (count < this.#waiting.length && count < CALLS_PER_FRAME_MAX) {
        const next = this.#waiting[count] as SizedCall;
        if (count > 0 && bytes + next.bytes > FRAME_BYTES_MAX) break;
        bytes += next.bytes;
        count += 1;
      }
      const calls = this.#waiting.slice(0, count).map(({ call }) => call);
      this.#waiting = this.#waiting.slice(count);
      this.#pushedBack = !this.#stream.write({ calls });
    }
  }

  #break(reason: string): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#waiting = [];
    this.#stream.cancel();
    this.#listener.broken(reason);
  }
}
