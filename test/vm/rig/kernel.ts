// The kernel that scripts/setup-rig.mjs has put into the cache.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../coap/support/outside-clients.ts";

/** Where scripts/setup-rig.mjs puts what it makes. */
export const CACHE = process.env.VSCOPE_RIG_CACHE ?? join(ROOT, ".rig");

/** Files of a prepared kernel. */
export interface RigKernel {
  readonly vmlinux: string;
  readonly initrd: string;
  readonly modules: string;
  /** gpio-mockup.ko, gpio-sim.ko, irq_sim.ko. */
  readonly gpio: string;
}

/** Where logs and traces of the last run of a group of scenarios stay. */
export function logFolder(group: string): string {
  return join(CACHE, "last", group);
}

export function rigKernel(): RigKernel {
  const { name, version } = JSON.parse(readFileSync(join(CACHE, "kernel.json"), "utf8"));
  const folder = join(CACHE, `${name}_${version}`);
  return {
    vmlinux: join(folder, "vmlinux"),
    initrd: join(folder, "initrd.cpio"),
    modules: join(folder, "modules"),
    gpio: join(folder, "gpio"),
  };
}
