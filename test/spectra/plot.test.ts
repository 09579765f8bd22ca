import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isVscopeError } from "../../src/base/errors.ts";
import { picoFileOf, type PicoSpectrum } from "../../src/spectra/pico.ts";
import { coloursOf } from "../../src/spectra/plot-colour.ts";
import { axesOf, ticksOf } from "../../src/spectra/plot-scale.ts";
import { darkSubtractedPlot, plotOf, wavelengthsOf } from "../../src/spectra/plot-series.ts";
import { svgPlot } from "../../src/spectra/plot-svg.ts";
import { terminalPlot } from "../../src/spectra/plot-terminal.ts";
import { instrument, spectraSet, spectrum } from "./sample.ts";

const PIXELS = 512;

function recorded(change: Partial<Parameters<typeof spectrum>[0]> = {}): PicoSpectrum {
  const counts = Uint32Array.from({ length: PIXELS }, (_, pixel) =>
    Math.round(50_000 * Math.sin((Math.PI * pixel) / PIXELS)),
  );
  const identity = instrument({ opticalPixelRange: [0, PIXELS], pixels: PIXELS });
  const set = spectraSet({ spectra: [spectrum({ counts, instrument: identity, flags: [], ...change })] });
  const [first] = picoFileOf(set, { run: "r", batch: 0, writer: "w" }).spectra;
  assert.ok(first !== undefined);
  return first;
}

test("the terminal plot has the size asked for, its axes, the saturation line and a legend", () => {
  const text = terminalPlot(plotOf("plot10", [recorded()]), { width: 90, height: 20 });
  const lines = text.split("\n");
  assert.equal(lines.length, 20);
  for (const line of lines.slice(1, -3)) assert.ok(line.length <= 90, line);
  assert.match(lines[0] ?? "", /counts +plot10/);
  assert.match(text, /^ +40000 \+/m);
  assert.match(text, /400 .* 500/);
  assert.match(text, /wavelength \/ nm/);
  assert.match(text, /60000 \+(- ){20}/, "the saturation line");
  assert.match(text, /FLMT01859 upwelling light, 250 ms, peak 83 % of saturation, simulated/);
});

test("a curve is where its counts are: left low, middle high", () => {
  const lines = terminalPlot(plotOf("", [recorded()]), { width: 80, height: 24, ascii: true }).split("\n");
  const rowOfColumn = (column: number): number => lines.findIndex((line) => line[column] === "*");
  const [left, middle] = [rowOfColumn(10), rowOfColumn(44)];
  assert.ok(middle >= 1 && middle < left, `${middle} ${left}`);
});

test("several curves without colours get letters of their own; with colours, braille", () => {
  const plot = plotOf("", [
    recorded(),
    recorded({ channel: "downwelling", counts: new Uint32Array(PIXELS).fill(9000) }),
  ]);
  const plain = terminalPlot(plot);
  assert.match(plain, /\* FLMT01859 downwelling/);
  assert.match(plain, /\+ FLMT01859 upwelling/);
  assert.ok(!plain.includes("\u001b"));
  const colourful = terminalPlot(plot, { colour: true });
  // Written as a code point: an escape character in a pattern is easily overlooked.
  const escape = String.fromCharCode(27);
  const painted = new RegExp(`${escape}\\[38;5;\\d+m[\u2801-\u28ff]{5,}${escape}\\[0m`);
  assert.match(colourful, painted);
});

test("any spectra give a picture of the right size: flat, empty, dark, one pixel", () => {
  const arbitrary = fc.array(fc.uint32Array({ maxLength: 50 }), { maxLength: 4 });
  fc.assert(
    fc.property(
      arbitrary,
      fc.integer({ min: 40, max: 200 }),
      fc.integer({ min: 12, max: 60 }),
      (lists, width, height) => {
        const plot = plotOf(
          "any",
          lists.map((counts) => recorded({ counts })),
        );
        const lines = terminalPlot(plot, { width, height }).split("\n");
        assert.ok(lines.length <= Math.max(height, lists.length + 10));
        assert.ok(!lines.join().includes("NaN"));
        assert.ok(!svgPlot(plot).includes("NaN"));
      },
    ),
  );
});

test("the saturation line is left out when it would squeeze the spectrum", () => {
  const weak = plotOf("", [recorded({ counts: new Uint32Array(PIXELS).fill(500) })]);
  assert.deepEqual(axesOf(weak, { xTicks: 5, yTicks: 5 }).saturationLevels, []);
  assert.deepEqual(axesOf(plotOf("", [recorded()]), { xTicks: 5, yTicks: 5 }).saturationLevels, [60_000]);
});

test("ticks are round, within the range, and not too many", () => {
  const range = fc.tuple(
    fc.double({ min: -1e6, max: 1e6, noNaN: true }),
    fc.double({ min: 1e-3, max: 1e6, noNaN: true }),
  );
  fc.assert(
    fc.property(range, fc.integer({ min: 2, max: 12 }), ([min, length], most) => {
      const ticks = ticksOf(min, min + length, most);
      assert.ok(ticks.length <= most + 1, ticks.join());
      const slack = 1e-6 * Math.max(1, Math.abs(min), length);
      for (const tick of ticks) assert.ok(tick >= min - slack && tick <= min + length + slack, String(tick));
    }),
  );
  assert.deepEqual(ticksOf(340, 1020, 7), [400, 500, 600, 700, 800, 900, 1000]);
});

test("wavelengths come from the channel's calibration, else the device's, else there are none", () => {
  assert.equal(wavelengthsOf(recorded())?.[0], 340);
  assert.equal(wavelengthsOf(recorded({ channelWavelengthCoefficients: [400, 1] }))?.[1], 401);
  assert.equal(wavelengthsOf(recorded({ flags: ["uncalibrated"] })), undefined);
  const mixed = plotOf("", [recorded(), recorded({ channel: "x", flags: ["uncalibrated"] })]);
  assert.equal(mixed.xLabel, "pixel");
  assert.equal(mixed.series[0]?.x[5], 5);
});

test("a dark spectrum is subtracted when instrument, channel and time are the same, the nearest of them", () => {
  const light = recorded({ exposureStartUtcUs: 1000 });
  const dark = (change: object, level: number) =>
    recorded({
      kind: "dark",
      counts: new Uint32Array(PIXELS).fill(level),
      exposureStartUtcUs: 900,
      ...change,
    });
  const darks = [dark({ exposureStartUtcUs: 0 }, 7), dark({}, 100), dark({ exposureStartUtcUs: 5000 }, 9)];
  const { series, yLabel } = darkSubtractedPlot("", [light], darks);
  assert.equal(yLabel, "counts - dark");
  assert.equal(series[0]?.counts[0], -100);
  assert.equal(series[0]?.saturationLevel, undefined);
  for (const other of [
    dark({ channel: "x" }, 1),
    dark({ integrationTimeUs: 1 }, 1),
    dark({ counts: new Uint32Array(3) }, 1),
  ]) {
    assert.throws(
      () => darkSubtractedPlot("", [light], [other]),
      (error) => {
        return (
          isVscopeError(error, "VALUE_INVALID") &&
          /^FLMT01859 upwelling: no dark spectrum of 250000 us$/.test(error.message)
        );
      },
    );
  }
});

test("the SVG is well formed, names what it shows and marks saturation in red dashes", () => {
  const svg = svgPlot(plotOf('a<b>&"c"', [recorded()]));
  assert.match(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox="0 0 960 540"/);
  assert.match(svg, /<title>a&#60;b&#62;&#38;&#34;c&#34;<\/title>/);
  assert.match(svg, /stroke="#d00000" stroke-dasharray="7 5"/);
  assert.match(svg, /saturation 60000/);
  assert.match(svg, /wavelength \/ nm/);
  assert.equal(svg.match(/<polyline/g)?.length, 1);
  assert.equal(svg.match(/points="([^"]*)"/)?.[1]?.split(" ").length, PIXELS);
  const open = svg.match(/<[a-zA-Z][^>]*[^/>]>/g)?.length;
  assert.equal(open, svg.match(/<\/[a-zA-Z]+>/g)?.length);
});

test("a source keeps its colour when it is alone or first, and no two of six are alike", () => {
  const names = ["S1 up", "S1 down", "S2 up", "S2 down", "S3 up", "S3 down"];
  for (const name of names) assert.deepEqual(coloursOf([name]).get(name), coloursOf([name]).get(name));
  assert.equal(new Set([...coloursOf(names).values()].map(({ hex }) => hex)).size, 6);
  assert.deepEqual(coloursOf([...names].reverse()), coloursOf(names));
  assert.equal(coloursOf(Array.from({ length: 20 }, (_, index) => `S${index}`)).size, 20);
});

test("a curve has a gap where a pixel has no value", () => {
  const counts = Float64Array.of(1, 1, Number.NaN, Number.NaN, 1, Number.NaN, 1, 1);
  const series = {
    label: "a",
    source: "a",
    x: Float64Array.from(counts, (_, pixel) => pixel),
    counts,
    peakShare: 0.5,
    isSimulated: false,
  };
  const picture = { title: "", xLabel: "pixel", yLabel: "reflectance", series: [series] } as const;
  const lines = [...svgPlot(picture).matchAll(/<polyline [^>]*points="([^"]*)"/g)].map(
    ([, points = ""]) => points,
  );
  assert.deepEqual(
    lines.map((points) => points.split(" ").length),
    [2, 2, 2],
  );
  assert.ok(lines.every((points) => !points.includes("NaN")));
  const drawn = (one: typeof series) =>
    terminalPlot({ ...picture, series: [one] }).match(/[\u2801-\u28ff]/g)?.length ?? 0;
  assert.ok(drawn(series) < drawn({ ...series, counts: counts.map(() => 1) }) - 10);
});
