/**
 * Whether the bus is there, for health and status. Made by the composition root.
 */
import type { OrchestratorBus } from "@atoll/event-bus";

export class BusHealth {
  connected = false;
  reason = "not connected yet";

  constructor(bus: OrchestratorBus) {
    bus.onConnection((state) => {
      this.connected = state.connected;
      this.reason = state.reason;
    });
  }
}
