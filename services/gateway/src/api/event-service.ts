/**
 * `atoll.v1.EventService`: the log is the API.
 */
import type { EventServiceServer } from "@atoll/proto/atoll/v1/event";
import { serverStreaming, unary } from "@atoll/service-kit";
import type { EventHistory } from "./event-history.ts";
import type { HandlerParts } from "./handler-parts.ts";
import { listEvents } from "./list-events.ts";
import { watchEvents } from "./watch-events.ts";
import type { Watches } from "./watches.ts";

export function eventService(
  parts: HandlerParts,
  extra: { readonly history: EventHistory; readonly watches: Watches },
): EventServiceServer {
  const { environment } = parts;
  const all = { ...parts, ...extra };
  return {
    listEvents: unary((request, context) => listEvents(all, request, context), {
      method: "EventService/ListEvents",
      environment,
    }),
    watchEvents: serverStreaming(
      (request, context, stream) => watchEvents(all, request, context, stream),
      { method: "EventService/WatchEvents", environment },
    ),
  };
}
