// The integration times of an experiment on a server: they are set, and stay only when what is to use them follows.

import { z } from "zod";
import { NEVER } from "../../base/abort.ts";
import { SECOND } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import type { VscopeClient } from "../../client/vscope-client.ts";
import type { Experiment } from "./experiment.ts";
import type { ServerFacts } from "./server-facts.ts";
import type { Session } from "./session.ts";

/** In us. */
interface ChangedTime {
  readonly path: readonly string[];
  readonly former: number;
}

export class PlanTimes {
  readonly #session: Session;
  readonly #client: VscopeClient;
  readonly #changed: ChangedTime[] = [];

  constructor(session: Session, client: VscopeClient) {
    this.#session = session;
    this.#client = client;
  }

  /** For all spectrometers. Throws the server's refusal. */
  async set({ integrationTimes }: Experiment, { serials }: ServerFacts): Promise<void> {
    const { signal } = this.#session;
    for (const serial of serials)
      for (const [channel, seconds] of Object.entries(integrationTimes)) {
        const path = ["spectrometers", serial, "integration-time", channel];
        const former = await this.#client.getAs(path, z.number(), signal);
        // Noted first: whoever interrupts this does not know whether the server has heard of it.
        this.#changed.push({ path, former });
        await this.#client.put(path, Math.round(seconds * SECOND), signal);
      }
  }

  /** Puts the former ones back, and says so. */
  async putBack(): Promise<void> {
    try {
      for (const { path, former } of this.#changed) await this.#client.put(path, former, NEVER);
      if (this.#changed.length > 0) this.#session.say("no job is added, integration times are as before");
    } catch (error) {
      this.#session.say(`integration times are not as before: ${messageOf(error)}`);
    }
  }
}
