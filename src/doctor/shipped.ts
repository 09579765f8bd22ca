// Files that come with the program, by their whole paths, so that a command that copies one works from every folder.

import { fileURLToPath } from "node:url";

export const SHIPPED_RULES = shipped("etc/60-vscope.rules");
export const SHIPPED_CONFIG = shipped("etc/vscope.cfg");
export const SHIPPED_SUDOERS = shipped("etc/vscope.sudoers");
export const SHIPPED_INSTRUMENT = shipped("pdata/vscope.config");

// From `dist/src/doctor/`.
function shipped(name: string): string {
  return fileURLToPath(new URL(`../../../${name}`, import.meta.url));
}
