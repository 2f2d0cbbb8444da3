/**
 * Writes that start an operation, and are answered with it.
 */
import type { OperationKind } from "@atoll/domain";
import type { Operation } from "@atoll/proto/atoll/v1/operation";
import type { CallContext } from "@atoll/service-kit";
import type { Island } from "../islands/island.ts";
import type { WriteOptions } from "./writes.ts";

/** @throws ApiError when the command is refused or has no answer in time. */
export async function startOperation(
  { writes, operations }: Island,
  context: CallContext,
  options: WriteOptions & { readonly kind: OperationKind },
): Promise<Operation> {
  const { index, operation } = await writes.submit(context, options);
  return operations.started({ id: operation, index, kind: options.kind });
}
