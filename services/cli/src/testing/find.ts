/**
 * Finds a resource of the fake gateway by its name, or says that it is not there.
 */
import { ApiError } from "@atoll/service-kit";
import { status } from "@grpc/grpc-js";

export function find<Resource extends { readonly name: string }>(
  list: readonly Resource[],
  name: string,
  kind: string,
): Resource {
  const found = list.find((one) => one.name === name);
  if (found !== undefined) return found;
  throw new ApiError(status.NOT_FOUND, `there is no ${kind} ${name}`, { reason: "NOT_FOUND" });
}
