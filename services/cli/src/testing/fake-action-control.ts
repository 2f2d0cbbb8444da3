/**
 * What keeps a datacenter in memory from acting: its pause.
 *
 * A part of the fake gateway. It remembers what it was told, so that later commands show it.
 */
import type { ActionsPause } from "@atoll/proto/atoll/v1/common";
import type { Datacenter } from "@atoll/proto/atoll/v1/datacenter";
import { ApiError } from "@atoll/service-kit";
import { status, type UntypedHandleCall } from "@grpc/grpc-js";
import { find } from "./find.ts";
import * as fixtures from "./fixtures.ts";

/** Makes a handler that is remembered by its method's name. */
export type UnaryFactory = (
  method: string,
  handle: (request: never) => unknown,
) => UntypedHandleCall;

export class FakeActionControl {
  #pause: ActionsPause | undefined;

  get pauses(): readonly ActionsPause[] {
    return this.#pause === undefined ? [] : [this.#pause];
  }

  datacenterHandlers(answer: UnaryFactory): Record<string, UntypedHandleCall> {
    const named = ({ name }: { name: string }): Datacenter =>
      find([this.#datacenter()], name, "datacenter");
    return {
      getDatacenter: answer("getDatacenter", named),
      listDatacenters: answer("listDatacenters", () => ({
        datacenters: [this.#datacenter()],
        nextPageToken: "",
      })),
      pauseActions: answer("pauseActions", (request: { name: string; reason: string }) => {
        const since = fixtures.since(5, 60);
        this.#pause = { datacenter: "dc1", reason: request.reason, actor: "user/ada", since };
        return named(request);
      }),
      resumeActions: answer("resumeActions", (request: { name: string }) => {
        if (this.#pause === undefined) {
          throw new ApiError(status.FAILED_PRECONDITION, "actions are not paused", {
            reason: "FAILED_PRECONDITION",
          });
        }
        this.#pause = undefined;
        return named(request);
      }),
    };
  }

  #datacenter(): Datacenter {
    return { ...fixtures.datacenter, ...(this.#pause === undefined ? {} : { pause: this.#pause }) };
  }
}
