/**
 * Whether roles make sense: each by itself, and all of them together.
 *
 * Everything that is wrong is found at once, up to a bound, each with the role and the field it is
 * about, so that a user mends a file in one go. Called before roles are applied; nothing that
 * passed here can fail later for its own fault, only for a node's.
 */
import { checkRole } from "./check-role.ts";
import type { Violation } from "./rejection.ts";
import type { RoleName } from "./names.ts";
import { ROLES_MAX } from "./role.ts";
import type { RoleSpec } from "./role.ts";

export const VIOLATIONS_MAX = 100;

/** Who has a file path or a systemd unit. */
interface Owner {
  readonly role: RoleName;
  readonly path: string;
}

/**
 * What is wrong with `roles` when they are put in place of those of `existing` that have the same
 * names. Empty: nothing. Only violations of `roles` are listed.
 */
export function checkRoles(
  roles: readonly RoleSpec[],
  existing: Iterable<RoleSpec>,
): readonly Violation[] {
  const found: Violation[] = [];
  if (roles.length > ROLES_MAX) {
    const reason = `${roles.length} roles at once are too many: at most ${ROLES_MAX}`;
    return [{ subject: "catalog", path: "roles", reason }];
  }
  for (const role of roles) {
    if (found.length >= VIOLATIONS_MAX) return found.slice(0, VIOLATIONS_MAX);
    checkRole(role, (path, reason) => found.push({ subject: role.name, path, reason }));
  }
  checkTogether(roles, existing, found);
  return found.slice(0, VIOLATIONS_MAX);
}

function checkTogether(
  roles: readonly RoleSpec[],
  existing: Iterable<RoleSpec>,
  found: Violation[],
): void {
  const given = new Set<RoleName>();
  for (const role of roles) {
    if (given.has(role.name)) {
      found.push({ subject: role.name, path: "name", reason: `role ${role.name} is given twice` });
    }
    given.add(role.name);
  }
  const files = new Map<string, Owner>();
  const directories = new Map<string, Owner>();
  const units = new Map<string, Owner>();
  let count = given.size;
  for (const role of existing) {
    if (given.has(role.name)) continue;
    count += 1;
    claim(role, { files, directories, units }, () => undefined);
  }
  if (count > ROLES_MAX) {
    const reason = `${count} roles are too many: at most ${ROLES_MAX}`;
    found.push({ subject: "catalog", path: "roles", reason });
  }
  for (const role of roles) {
    claim(role, { files, directories, units }, (path, reason) =>
      found.push({ subject: role.name, path, reason }),
    );
  }
}

interface Claims {
  readonly files: Map<string, Owner>;
  /** Directories that files stand in, with one of those files' owners. */
  readonly directories: Map<string, Owner>;
  readonly units: Map<string, Owner>;
}

function claim(
  role: RoleSpec,
  claims: Claims,
  report: (path: string, reason: string) => void,
): void {
  for (const [at, file] of role.files.entries()) {
    const path = `files[${at}].path`;
    const owner: Owner = { role: role.name, path: file.path };
    const clash = clashOf(file.path, claims);
    if (clash !== undefined) report(path, clash);
    else claimFile(file.path, owner, claims);
  }
  for (const [at, { name, unit }] of role.services.entries()) {
    if (unit === "") continue;
    const owner = claims.units.get(unit);
    if (owner === undefined) {
      claims.units.set(unit, { role: role.name, path: name });
    } else {
      const service = `service ${owner.path} of role ${owner.role}`;
      const reason = `unit ${unit} belongs to ${service} already`;
      report(`services[${at}].unit`, reason);
    }
  }
}

function clashOf(path: string, { files, directories }: Claims): string | undefined {
  const same = files.get(path);
  if (same !== undefined)
    return `${path} belongs to role ${same.role} already: a file has one role`;
  const below = directories.get(path);
  if (below !== undefined) {
    return `${path} is a directory for role ${below.role}, which owns ${below.path}`;
  }
  for (const directory of directoriesOf(path)) {
    const above = files.get(directory);
    if (above !== undefined) return `${directory} on its way is a file of role ${above.role}`;
  }
  return undefined;
}

function claimFile(path: string, owner: Owner, { files, directories }: Claims): void {
  files.set(path, owner);
  for (const directory of directoriesOf(path)) {
    if (!directories.has(directory)) directories.set(directory, owner);
  }
}

function* directoriesOf(path: string): Iterable<string> {
  for (let at = path.indexOf("/", 1); at > 0; at = path.indexOf("/", at + 1))
    yield path.slice(0, at);
}
