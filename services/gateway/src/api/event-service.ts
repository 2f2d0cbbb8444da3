/**
 * `atoll.v1.EventService`: the log is the API.
 */
import type { EventServiceServer } from "@atoll/proto/atoll/v1/event";
import { serverStreaming, unary } from "@atoll/service-kit";
import type { HandlerParts } from "./handler-parts.ts";
import { listEvents } from "./list-events.ts";
import { watchEvents } from "./watch-events.ts";

export function eventService(parts: HandlerParts): EventServiceServer {
  const { environment } = parts;
  return {
    listEvents: unary((request, context) => listEvents(parts, request, context), {
      method: "EventService/ListEvents",
      environment,
    }),
    watchEvents: serverStreaming(
      (request, context, stream) => watchEvents(parts, request, context, stream),
      { method: "EventService/WatchEvents", environment },
    ),
  };
}
