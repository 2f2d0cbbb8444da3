/**
 * What the handlers of all services share. Made once by the composition root.
 */
import type { CallEnvironment } from "@atoll/service-kit";
import type { Islands } from "../islands/islands.ts";
import type { Watches } from "./watches.ts";

export interface HandlerParts {
  readonly environment: CallEnvironment;
  readonly islands: Islands;
  readonly watches: Watches;
}
