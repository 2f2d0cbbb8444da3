/**
 * What keeps a datacenter in memory from acting: its pause, actions that are taken back,
 * and a storm.
 *
 * A part of the fake gateway. It remembers what it was told, so that later commands show it.
 */
import { type Action, ActionStatus } from "@atoll/proto/atoll/v1/action";
import type { ActionsPause } from "@atoll/proto/atoll/v1/common";
import type { ActionLimits } from "@atoll/proto/atoll/type/v1/action_limits";
import type { ActionLimitsInForce, Datacenter, Storm } from "@atoll/proto/atoll/v1/datacenter";
import { ApiError } from "@atoll/service-kit";
import { status, type UntypedHandleCall } from "@grpc/grpc-js";
import * as elsewhere from "./elsewhere.ts";
import { find } from "./find.ts";
import { datacenter } from "./fixture-datacenter.ts";
import * as fixtures from "./fixtures.ts";

/** Makes a handler that is remembered by its method's name. */
export type UnaryFactory = (
  method: string,
  handle: (request: never) => unknown,
) => UntypedHandleCall;

export class FakeActionControl {
  #pause: ActionsPause | undefined;
  #limits: ActionLimitsInForce = {
    limits: {
      disruptionsPerNodeMax: 1,
      disruptedPercentMax: 20,
      settleMs: 3_000,
      stormPercent: 30,
      stormNodesMin: 5,
    },
    reason: "",
    actor: "",
  };
  #storm: Storm = {
    faultDomain: "rack:hall-2/r1",
    nodes: 6,
    of: 10,
    sharePercent: 30,
    since: fixtures.since(30, 50),
    nodesNow: 7,
  };
  #planned: Action = {
    ...(fixtures.actions[1] as Action),
    name: "datacenters/dc1/actions/n1-10",
    status: ActionStatus.ACTION_STATUS_PLANNED,
    ended: undefined,
    reason: "",
  };

  get pauses(): readonly ActionsPause[] {
    return this.#pause === undefined ? [] : [this.#pause];
  }

  datacenterHandlers(answer: UnaryFactory): Record<string, UntypedHandleCall> {
    const named = ({ name }: { name: string }): Datacenter =>
      find([this.#datacenter(), elsewhere.datacenter], name, "datacenter");
    return {
      getDatacenter: answer("getDatacenter", named),
      listDatacenters: answer("listDatacenters", () => ({
        datacenters: [this.#datacenter(), elsewhere.datacenter],
        nextPageToken: "",
      })),
      pauseActions: answer("pauseActions", (request: { name: string; reason: string }) => {
        const since = fixtures.since(5, 60);
        this.#pause = { datacenter: "dc1", reason: request.reason, actor: "user/ada", since };
        return named(request);
      }),
      setActionLimits: answer(
        "setActionLimits",
        (request: { name: string; limits: ActionLimits; reason: string }) => {
          const since = fixtures.since(5, 60);
          const given = Object.entries(request.limits).filter(([, value]) => value !== undefined);
          const limits = { ...this.#limits.limits, ...Object.fromEntries(given) };
          this.#limits = { limits, reason: request.reason, actor: "user/ada", since };
          return named(request);
        },
      ),
      listStorms: answer("listStorms", () => ({ storms: [this.#storm] })),
      releaseStorm: answer("releaseStorm", (request: { faultDomain: string; reason: string }) => {
        if (request.faultDomain !== this.#storm.faultDomain) {
          const text = `there is no storm in ${JSON.stringify(request.faultDomain)}`;
          throw new ApiError(status.NOT_FOUND, text, { reason: "NOT_FOUND" });
        }
        const { reason } = request;
        const release = { reason, actor: "user/ada", since: fixtures.since(0, 62) };
        this.#storm = { ...this.#storm, release };
        return this.#storm;
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

  /** n1-10 is planned; its agent has not begun it and says so when it is asked the second time. */
  actionHandlers(answer: UnaryFactory): Record<string, UntypedHandleCall> {
    const named = ({ name }: { name: string }): Action =>
      find([...fixtures.actions, this.#planned], name, "action");
    return {
      getAction: answer("getAction", (request: { name: string }) => {
        if (this.#planned.cancellation !== undefined) {
          const status = ActionStatus.ACTION_STATUS_CANCELLED;
          this.#planned = { ...this.#planned, status, ended: fixtures.since(0, 62) };
        }
        return named(request);
      }),
      cancelAction: answer("cancelAction", (request: { name: string; reason: string }) => {
        const action = named(request);
        if (action.status !== ActionStatus.ACTION_STATUS_PLANNED) {
          const text = "action n1-9 has ended: it failed: exit status 1";
          throw new ApiError(status.FAILED_PRECONDITION, text, { reason: "FAILED_PRECONDITION" });
        }
        const { reason } = request;
        const cancellation = { reason, actor: "user/ada", requested: fixtures.since(0, 61) };
        this.#planned = { ...action, cancellation };
        return this.#planned;
      }),
      listActions: answer("listActions", () => ({
        actions: fixtures.actions,
        nextPageToken: "",
        asOf: [datacenter.asOf],
      })),
    };
  }

  #datacenter(): Datacenter {
    return {
      ...datacenter,
      limits: this.#limits,
      ...(this.#pause === undefined ? {} : { pause: this.#pause }),
    };
  }
}
