// data_dir: the data directory, its runs and files. Nothing outside of it can be named.

import { NEVER } from "../../base/abort.ts";
import { VscopeError } from "../../base/errors.ts";
import { quoted } from "../../datadir/run-name.ts";
import { parseSpectraFileName } from "../../datadir/spectra-file-name.ts";
import type { At } from "../../resources/define.ts";
import { type Given, REQUIRED } from "./arguments.ts";
import type { Legacy } from "./legacy.ts";
import type { Row, Subject } from "./row.ts";
import { integerOf, optional, textOf, truthOf, within } from "./values.ts";

const OF_RUN: Pick<Row, "exists"> = { exists: ({ runs }, { run = "" }) => runs.has(run) };
const MOST = Number.MAX_SAFE_INTEGER;

export const DATADIR_ROWS: readonly Row[] = [
  {
    path: "data_dir/current_run",
    get: ({ model }) => model.dataDirectory.currentRun.value,
    put: { parameters: { run: REQUIRED }, call: (legacy, { run }) => chooseRun(legacy, textOf("run", run)) },
    watch: ({ model }) => [model.dataDirectory.currentRun],
  },
  { path: "data_dir/datadir", get: ({ model }) => model.dataDirectory.path },
  {
    path: "data_dir/mount",
    get: (legacy) => isMounted(legacy),
    put: {
      parameters: { mount: REQUIRED },
      role: "admin",
      call: (legacy, { mount }, { signal }) => setMounted(legacy, truthOf(mount), signal),
    },
  },
  {
    path: "data_dir/all_runs",
    put: {
      parameters: { alpha: false, reverse: false, nitems: null, page: 0 },
      reads: true,
      call: (legacy, given) => listRuns(legacy, given),
    },
  },
  { path: "data_dir/runs/{run}/name", ...OF_RUN, get: (_legacy, { at }) => at["run"] },
  { path: "data_dir/runs/{run}/current_batch", ...OF_RUN, get: (legacy, { at }) => currentBatch(legacy, at) },
  {
    path: "data_dir/runs/{run}/spectra_list",
    ...OF_RUN,
    get: ({ runs }, { at }) => runs.files(at["run"] ?? ""),
  },
  {
    path: "data_dir/runs/{run}/spectra",
    ...OF_RUN,
    put: {
      parameters: { sname: REQUIRED },
      reads: true,
      call: (legacy, { sname }, subject) => readSpectra(legacy, textOf("sname", sname), subject),
    },
  },
];

async function chooseRun({ model: { dataDirectory } }: Legacy, run: string): Promise<string> {
  if (run === dataDirectory.currentRun.value)
    throw new VscopeError("STATE_CONFLICT", `${quoted(run)}: is the current run already`);
  await dataDirectory.setCurrentRun(run);
  return dataDirectory.currentRun.value;
}

// Where the server mounts nothing there is nothing mounted, as in piccolo3.
function isMounted({ model, configured }: Legacy): boolean {
  return configured.medium !== undefined && model.dataDirectory.status.value.mounted;
}

async function setMounted(legacy: Legacy, wanted: boolean, signal: AbortSignal): Promise<string> {
  const { dataDirectory } = legacy.model;
  const { medium } = legacy.configured;
  if (medium === undefined) throw new VscopeError("STATE_CONFLICT", "mount: not mounted by this server");
  if (!wanted && !isMounted(legacy)) throw new VscopeError("STATE_CONFLICT", "mount: is not mounted");
  await (wanted ? dataDirectory.mount(signal) : dataDirectory.unmount(signal));
  return `${wanted ? "mounting" : "unmounting"} ${medium.device} at ${medium.mountPoint}`;
}

async function listRuns({ runs }: Legacy, given: Given): Promise<readonly string[]> {
  const newestFirst = await runs.list();
  const ordered = truthOf(given["alpha"]) ? newestFirst.toSorted() : newestFirst.toReversed();
  const names = integerOf("reverse", given["reverse"]) === 0 ? ordered : ordered.toReversed();
  const items = optional(integerOf, "nitems", given["nitems"]);
  if (items === undefined) return names;
  // The last one may be empty; negative pages count from it.
  const pages = Math.floor(names.length / within("nitems", items, [1, MOST])) + 1;
  const page = within("page", integerOf("page", given["page"]), [-pages, pages - 1]);
  const chosen = page < 0 ? page + pages : page;
  return names.slice(chosen * items, (chosen + 1) * items);
}

async function currentBatch({ model, runs }: Legacy, { run = "" }: At): Promise<number> {
  const [newest = ""] = await runs.files(run);
  const written = parseSpectraFileName(newest)?.batch ?? -1;
  const { status } = model.recorder;
  return status.value.run === run ? Math.max(written, status.value.batch ?? -1) : written;
}

async function readSpectra({ model }: Legacy, file: string, { at }: Subject): Promise<string> {
  const opened = await model.dataDirectory.shelf.openFile(at["run"] ?? "", file);
  return Buffer.from(await opened.read(0, opened.size, NEVER)).toString("utf8");
}
