/**
 * Watches one operation: its present state at once, each change, and its end.
 */
import { Operation, type WatchOperationRequest } from "@atoll/proto/atoll/v1/operation";
import type { CallContext } from "@atoll/service-kit";
import type { ServerWritableStream } from "@grpc/grpc-js";
import { readDemandOf } from "./begin-read.ts";
import { findOperation } from "./find.ts";
import type { HandlerParts } from "./handler-parts.ts";
import { parseOperation } from "./parse-names.ts";

/** Changes within so short a time are shown as one. */
const PACE_MS = 50;

export async function watchOperation(
  { islands, watches }: HandlerParts,
  request: WatchOperationRequest,
  context: CallContext,
  stream: ServerWritableStream<WatchOperationRequest, Operation>,
): Promise<void> {
  const { island, name: id } = islands.locate(parseOperation(request.name));
  const { mirror, operations, reads } = island;
  await reads.begin(readDemandOf(context));
  findOperation(mirror, id);
  using watch = watches.begin(stream);
  let sent: Buffer | undefined;
  let timer: NodeJS.Timeout | undefined;
  function show(): void {
    timer = undefined;
    if (!watch.ready) return;
    const state = mirror.datacenter.operation(id);
    if (state === undefined) {
      // It ended and was forgotten between two looks.
      watch.end();
      return;
    }
    const operation = operations.render(state);
    const bytes = Buffer.from(Operation.encode(operation).finish());
    if (sent === undefined || !bytes.equals(sent)) watch.send(operation);
    sent = bytes;
    if (operation.done) watch.end();
  }
  function showSoon(): void {
    timer ??= setTimeout(show, PACE_MS);
  }
  const unsubscribe = mirror.onChange(showSoon);
  watch.onReady(showSoon);
  try {
    show();
    await watch.ended;
  } finally {
    clearTimeout(timer);
    unsubscribe();
  }
}
