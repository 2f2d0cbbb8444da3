/**
 * Puts together the API's names for what belongs to one datacenter: `datacenters/DC/nodes/NAME`,
 * and their kind. `parse-names.ts` takes them apart.
 */
import type { DatacenterName } from "@atoll/domain";

export class ResourceNames {
  /** `datacenters/DC` */
  readonly datacenter: string;

  constructor(datacenter: DatacenterName) {
    this.datacenter = `datacenters/${datacenter}`;
  }

  node(name: string): string {
    return `${this.datacenter}/nodes/${name}`;
  }

  action(id: string): string {
    return `${this.datacenter}/actions/${id}`;
  }

  operation(id: string): string {
    return `${this.datacenter}/operations/${id}`;
  }

  replica(id: number): string {
    return `${this.datacenter}/replicas/${id}`;
  }

  event(index: number, offset: number): string {
    return `${this.datacenter}/events/${index}-${offset}`;
  }

  /** Roles belong to no datacenter. */
  role(name: string): string {
    return `roles/${name}`;
  }
}
