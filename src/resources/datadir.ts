// /datadir: the mounted data directory, the current run, and the instrument configuration that lies in it.

import { z } from "zod";
import { definedOnly } from "../base/defined-only.ts";
import { knownShape } from "../datadir/medium/known-directories.ts";
import { declare } from "./model.ts";

const PLAIN_TEXT = 0;

export const DATADIR = [
  declare("/datadir", {
    summary: "The data directory, its medium and space",
    value: z.object({
      path: z.string(),
      mounted: z.boolean(),
      freeBytes: z.number(),
      totalBytes: z.number(),
      reserveBytes: z.number(),
      filesToIndex: z.number(),
      catalogueProblem: z
        .string()
        .exactOptional()
        .describe("Why searches may not find everything; absent when all is well"),
      uuid: z.string().exactOptional().describe("Of the data directory; absent while none is there"),
      fileSystem: z.string().exactOptional().describe("Such as vfat; absent where the kernel does not tell"),
      readOnly: z.boolean().describe("Nothing can be recorded"),
      problem: z.string().exactOptional().describe("Why it is not mounted"),
      run: z.string(),
      trash: z.object({ runs: z.number(), bytes: z.number() }).describe("Removed runs, kept for trash_days"),
    }),
    get: ({ dataDirectory }) => {
      const { uuid, fileSystem, problem, catalogueProblem, ...status } = dataDirectory.status.value;
      const { path, currentRun, removal } = dataDirectory;
      const known = definedOnly({ uuid, fileSystem, problem, catalogueProblem });
      return { path, ...status, ...known, run: currentRun.value, trash: removal.trash.status.value };
    },
    watch: ({ dataDirectory }) => [
      dataDirectory.status,
      dataDirectory.currentRun,
      dataDirectory.removal.trash.status,
    ],
  }),
  declare("/datadir/known", {
    summary: "Data directories that were here, the newest first, with the newest batch of each run",
    type: "core.ll",
    value: z.array(knownShape),
    get: ({ dataDirectory }) => dataDirectory.known.value.map((one) => ({ ...one })),
    watch: ({ dataDirectory }) => [dataDirectory.known],
  }),
  declare("/datadir/mount", {
    summary: "Whether the medium is mounted; PUT mounts or unmounts it",
    type: "core.a",
    access: { put: "admin" },
    value: z.boolean(),
    example: true,
    get: ({ dataDirectory }) => dataDirectory.status.value.mounted,
    watch: ({ dataDirectory }) => [dataDirectory.status],
    put: ({ dataDirectory }, _at, wanted, signal) =>
      wanted ? dataDirectory.mount(signal) : dataDirectory.unmount(signal),
  }),
  declare("/datadir/run", {
    summary: "Current run, the folder that recordings go to; PUT chooses another",
    value: z.string(),
    example: "plot10",
    get: ({ dataDirectory }) => dataDirectory.currentRun.value,
    watch: ({ dataDirectory }) => [dataDirectory.currentRun],
    put: ({ dataDirectory }, _at, name) => dataDirectory.setCurrentRun(name),
  }),
  declare("/datadir/configuration", {
    summary:
      "Instrument configuration; PUT validates it, keeps the old one as .bak, takes effect at the next start",
    contentFormat: PLAIN_TEXT,
    access: { put: "admin" },
    value: z.string(),
    get: async ({ configuration }) => ({ bytes: Buffer.from(await configuration.read(), "utf8") }),
    put: ({ configuration }, _at, text) => configuration.write(text),
  }),
];
