// Calibration files beside the instrument configuration: read at the start, with the reason where one cannot be used.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { SILENT } from "../../src/base/log.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { readCalibrations } from "../../src/composition/calibration-files.ts";
import { check } from "../../src/composition/check.ts";
import { emulatedConfig } from "../support/instrument.ts";
import { CONFIGURATION, FLAME, LevelsRig } from "../support/levels.ts";

const RADIOMETRIC = `# kind: irradiance
# units: W m-2 nm-1
# serial: A
# channel: downwelling
# date: 2026-03-01
400, 1e-6
800, 2e-6
`;
const PANEL = "# kind: panel\n# units: 1\n# serial: 99AA05\n# date: 2026-01-15\n400, 0.98\n800, 0.99\n";

test("files are found beside the configuration; a wrong one leaves the others alone", async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "vscope-"));
  context.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "a.csv"), RADIOMETRIC);
  await writeFile(join(folder, "panel.csv"), PANEL);
  const radiometric = ["downwelling", "upwelling"].map((channel) => ({
    serial: "A",
    channel,
    from: { file: "a.csv" },
  }));
  const inMemory = { serial: "B", channel: "downwelling", from: { collectionAreaCm2: 0.1 } };
  const panel = { serial: "99AA05", validDays: 365 };
  const calibrations = await readCalibrations(
    {
      radiometric: [...radiometric, inMemory],
      panels: [
        { ...panel, name: "good", file: "panel.csv" },
        { ...panel, name: "lost", file: "lost.csv" },
        { ...panel, name: "other", file: "panel.csv", serial: "99AA06" },
      ],
    },
    folder,
  );
  const down = calibrations.radiometric("A", "downwelling");
  assert.ok("quantity" in down);
  assert.deepEqual([down.quantity, down.date, down.source], ["irradiance", "2026-03-01", "a.csv"]);
  assert.deepEqual(calibrations.radiometric("B", "downwelling"), { collectionAreaCm2: 0.1 });
  assert.equal(calibrations.panel("good").calibrated, "2026-01-15");
  assert.deepEqual(
    calibrations.panels.map(({ name }) => name),
    ["good"],
  );
  assert.throws(() => calibrations.radiometric("A", "upwelling"), {
    code: "CONFIG_INVALID",
    message: `${join(folder, "a.csv")}:4: channel: 'downwelling' is not upwelling`,
  });
  assert.throws(() => calibrations.radiometric("B", "upwelling"), {
    code: "RESOURCE_NOT_FOUND",
    message: "B upwelling: no radiometric calibration was configured when the server started",
  });
  assert.throws(() => calibrations.panel("lost"), { code: "CONFIG_INVALID" });
  assert.throws(() => calibrations.panel("none"), {
    message: "panel none: not configured, there are good, lost, other",
  });
  assert.equal(calibrations.mistakes.length, 3);
  assert.match(calibrations.mistakes[1]?.message ?? "", /lost\.csv: cannot be read: ENOENT/);
  assert.match(calibrations.mistakes[2]?.message ?? "", /panel\.csv:3: serial: '99AA05' is not 99AA06/);
});

test("--check tells what has run out, and ends with the place of every mistake", async (context) => {
  const folder = await LevelsRig.folder(context, { "down.csv": RADIOMETRIC, "up.csv": "1, 2\n" });
  await writeFile(join(folder, "vscope.config"), CONFIGURATION);
  const lines: string[] = [];
  const look = () => {
    const clock = new VirtualClock(Date.UTC(2027, 5, 1) * 1000);
    const print = (line: string): void => void lines.push(line);
    return clock.run(check({ config: emulatedConfig(folder), clock, log: SILENT, print }));
  };
  await assert.rejects(look(), {
    code: "CONFIG_INVALID",
    message: `${join(folder, "down.csv")}:3: serial: 'A' is not ${FLAME}\n${join(folder, "up.csv")}:1: wavelength 1 is outside 100..10000 nm`,
  });
  const own = RADIOMETRIC.replace("serial: A", `serial: ${FLAME}`);
  await writeFile(join(folder, "down.csv"), `# valid_until: 2027-03-01\n${own}`);
  await writeFile(join(folder, "up.csv"), own.replace("downwelling", "upwelling"));
  lines.length = 0;
  await look();
  assert.deepEqual(lines.slice(1, 4), [
    `calibration      ${FLAME} downwelling: irradiance, of 2026-03-01, has run out`,
    `calibration      ${FLAME} upwelling: irradiance, of 2026-03-01`,
    "panel            field: serial number 99AA05, of 2026-01-15, has run out",
  ]);
});
