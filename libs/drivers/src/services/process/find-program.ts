/**
 * Finds the program that a command names, as a shell would, and says what is wrong when there is
 * none.
 */
import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { systemCode } from "../../errors.ts";

export type FoundProgram =
  | { readonly type: "found"; readonly path: string }
  | { readonly type: "missing"; readonly reason: string };

/** Names with a slash are relative to `folder`; others are looked for along `searchPath`. */
export async function findProgram(
  name: string,
  searchPath: string,
  folder: string,
): Promise<FoundProgram> {
  if (name === "") return { type: "missing", reason: "the command is empty" };
  if (name.includes("/")) {
    const path = isAbsolute(name) ? name : resolve(folder, name);
    const problem = await checkProgram(path);
    if (problem === undefined) return { type: "found", path };
    return { type: "missing", reason: `program ${path} ${problem}` };
  }
  let refused: string | undefined;
  for (const part of searchPath.split(":").filter((each) => each !== "")) {
    const path = join(part, name);
    const problem = await checkProgram(path);
    if (problem === undefined) return { type: "found", path };
    if (problem !== "does not exist") refused ??= `program ${path} ${problem}`;
  }
  return { type: "missing", reason: refused ?? `program ${name} is not in ${searchPath}` };
}

async function checkProgram(path: string): Promise<string | undefined> {
  try {
    if (!(await stat(path)).isFile()) return "is not a file";
    await access(path, constants.X_OK);
    return undefined;
  } catch (error) {
    const code = systemCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return "does not exist";
    return code === "EACCES" ? "may not be executed" : `cannot be used: ${code}`;
  }
}
