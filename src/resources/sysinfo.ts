// /sysinfo: the server and the computer it runs on. The leaves that piccolo3 has answer as piccolo3 does.

import { z } from "zod";
import { isoTime } from "./iso-time.ts";
import { declare } from "./model.ts";

const disk = z.object({ totalBytes: z.number(), freeBytes: z.number() });
const memory = z.object({
  totalBytes: z.number(),
  freeBytes: z.number(),
  usedPercent: z.number(),
  serverBytes: z.number(),
});
const clockState = z.object({
  isSynchronised: z.boolean().optional(),
  source: z.enum(["chrony", "timedatectl", "unknown"]),
  reference: z.string().optional(),
  errorUs: z.number().optional(),
  ageS: z.number().optional(),
});
const uptime = z.object({ serverS: z.number(), hostS: z.number(), load: z.array(z.number()) });

export const SYSINFO = [
  declare("/sysinfo", {
    summary: "Server and computer at a glance",
    value: z.object({
      version: z.string(),
      host: z.string(),
      clock: z.string(),
      clockState,
      cpu: z.number(),
      memory,
      uptime,
      disk,
      simulated: z.boolean(),
    }),
    get: ({ host, rack, dataDirectory, clockState: state }) => {
      const { totalBytes, freeBytes } = dataDirectory.status.value;
      return {
        version: host.version,
        host: host.name,
        clock: host.utc,
        clockState: state.value,
        cpu: host.cpuPercent,
        memory: host.memory,
        uptime: host.uptime,
        disk: { totalBytes, freeBytes },
        simulated: rack.isSimulated,
      };
    },
  }),
  declare("/sysinfo/version", {
    summary: "Version of the server",
    value: z.string(),
    example: "0.1.0",
    get: ({ host }) => host.version,
  }),
  declare("/sysinfo/host", {
    summary: "Name of the computer",
    value: z.string(),
    example: "fieldbox",
    get: ({ host }) => host.name,
  }),
  declare("/sysinfo/clock", {
    summary:
      "UTC of the computer; PUT sets it, but not while something is recorded or the clock is synchronised",
    access: { put: "admin" },
    value: isoTime,
    example: "2026-06-21T12:00:00.000000+00:00",
    get: ({ host }) => host.utc,
    put: async (server, _at, iso, signal) => {
      server.operations.requireIdle("clock");
      await server.host.setUtc(new Date(iso).toISOString(), signal);
    },
  }),
  declare("/sysinfo/clock-state", {
    summary:
      "How good the clock is, as chrony or systemd tell: whether it is synchronised, with what, its error at most, and since when it was not compared",
    value: clockState,
    example: { isSynchronised: true, source: "chrony", reference: "PPS", errorUs: 120, ageS: 9 },
    get: (server) => server.clockState.value,
    watch: (server) => [server.clockState],
  }),
  declare("/sysinfo/clock/forced", {
    summary: "PUT sets the clock, although it is synchronised; not while something is recorded",
    access: { put: "admin" },
    value: isoTime,
    put: async (server, _at, iso, signal) => {
      server.operations.requireIdle("clock");
      await server.host.setUtc(new Date(iso).toISOString(), signal, true);
    },
  }),
  declare("/sysinfo/cpu", {
    summary: "Load of all cores together",
    unit: "%",
    value: z.number(),
    example: 12.5,
    get: ({ host }) => host.cpuPercent,
  }),
  declare("/sysinfo/memory", {
    summary: "Memory of the computer and of the server",
    unit: "By",
    value: memory,
    get: ({ host }) => host.memory,
  }),
  declare("/sysinfo/uptime", {
    summary: "Time since the start of the server and of the computer",
    unit: "s",
    value: uptime,
    get: ({ host }) => host.uptime,
  }),
  declare("/sysinfo/disk", {
    summary: "Space on the disk of the data directory",
    unit: "By",
    value: disk,
    get: ({ dataDirectory }) => {
      const { totalBytes, freeBytes } = dataDirectory.status.value;
      return { totalBytes, freeBytes };
    },
    watch: ({ dataDirectory }) => [dataDirectory.status],
  }),
];
