/**
 * Lets handlers refuse bytes that are no request, with a status of their own.
 *
 * grpc-js answers INTERNAL to such bytes, as if the server were at fault. Here they reach the
 * handler as an `UndecodableRequest`, but only those made by `unary` and `serverStreaming`, which
 * refuse it.
 */
import type {
  MethodDefinition,
  ServiceDefinition,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { type TolerantHandler, UndecodableRequest } from "./handlers.ts";

type AnyMethod = MethodDefinition<unknown, unknown>;

const REASON_LENGTH_MAX = 200;

export function tolerantDefinition(
  definition: ServiceDefinition,
  implementation: UntypedServiceImplementation,
): ServiceDefinition {
  const methods = Object.entries(definition as Record<string, AnyMethod>);
  return Object.fromEntries(
    methods.map(([name, method]) => {
      const handler = implementation[name] as Partial<TolerantHandler> | undefined;
      return [name, handler?.refusesUndecodable === true ? tolerant(method) : method];
    }),
  ) as ServiceDefinition;
}

function tolerant(method: AnyMethod): AnyMethod {
  return {
    ...method,
    requestDeserialize: (bytes) => {
      try {
        return method.requestDeserialize(bytes);
      } catch (error) {
        const reason = error instanceof Error ? error.message : "it is damaged";
        return new UndecodableRequest(reason.slice(0, REASON_LENGTH_MAX));
      }
    },
  };
}
