// All operations: the running one and the newest finished ones. One runs at a time, because they share the shutters.

import { Cell, type ReadableCell } from "../base/cell.ts";
import { NEVER, orAborted, withDeadline } from "../base/abort.ts";
import { type Clock, SECOND } from "../base/clock.ts";
import { definedOnly } from "../base/defined-only.ts";
import { messageOf, VscopeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { Operation, type OperationJob } from "./operation.ts";
import type { Origin } from "./origin.ts";

const KEPT = 100;
/** An abort takes milliseconds; what takes longer hangs. */
const END_US = SECOND / 2;

export class Operations {
  readonly #environment: { readonly clock: Clock; readonly log: Log };
  readonly #operations = new Cell<readonly Operation[]>([]);
  #started = 0;
  #closed = false;

  constructor(environment: { readonly clock: Clock; readonly log: Log }) {
    this.#environment = environment;
  }

  /** Newest last. */
  get all(): ReadableCell<readonly Operation[]> {
    return this.#operations;
  }

  get running(): Operation | undefined {
    return this.#operations.value.find((operation) => operation.status.value.state === "running");
  }

  /** Throws RESOURCE_NOT_FOUND for an id that was never given or is no longer kept. */
  get(id: string): Operation {
    const found = this.#operations.value.find((operation) => operation.id === id);
    if (found === undefined)
      throw new VscopeError("RESOURCE_NOT_FOUND", `operation ${id}: unknown, the newest ${KEPT} are kept`);
    return found;
  }

  /** Throws STATE_CONFLICT while an operation runs: what it uses may not be changed under it. */
  requireIdle(subject: string): void {
    const busy = this.running;
    if (busy === undefined) return;
    const { kind } = busy.status.value;
    throw new VscopeError("STATE_CONFLICT", `${subject}: operation ${busy.id} (${kind}) is running`);
  }

  /** Starts a job of so many steps. Throws STATE_CONFLICT while another one runs. */
  start(kind: string, steps: number, job: OperationJob, origin?: Origin): Operation {
    this.requireIdle(kind);
    if (this.#closed) throw new VscopeError("STATE_CONFLICT", `${kind}: the server is stopping`);
    this.#started += 1;
    const facts = { id: String(this.#started), kind, steps, ...definedOnly({ origin }) };
    const operation = new Operation(facts, job, this.#environment);
    this.#operations.set([...this.#operations.value.slice(1 - KEPT), operation]);
    return operation;
  }

  /** Cancels what runs and awaits its end, but not for ever; nothing can be started afterwards. */
  async close(): Promise<void> {
    this.#closed = true;
    const running = this.running;
    if (running === undefined) return;
    running.interrupt("the server is stopping");
    const { clock, log } = this.#environment;
    const late = (): Error => new VscopeError("DEVICE_TIMEOUT", `operation ${running.id}: does not end`);
    try {
      await withDeadline({ clock, us: END_US, late }, NEVER, (limited) =>
        orAborted(running.finished, limited),
      );
    } catch (error) {
      // The shutters are closed after this; work that hangs must not keep one open.
      log.error({ reason: messageOf(error) }, "stopping without the running operation");
    }
  }
}
