import { isLockstepError, sleep, type Clock, type LockstepError, type Random } from '@lockstep/core';
import type { AdminClient } from './client.ts';
import type { Driver, ScriptLink } from './driver.ts';
import { isNoScript, translateError, unavailable, type FailedCall } from './error-translation.ts';
import type { LatencyWindow } from './latency-window.ts';
import { lateReply, type ScriptCall, type ScriptDialect, type ScriptVariant } from './script.ts';

export interface RunOptions {
  /** Deadline of the call, retries included; default the connection's `commandTimeoutMs`. */
  readonly timeoutMs?: number | undefined;
  /** Stops waiting. A call already sent may still be executed, unless its script `expires`. */
  readonly signal?: AbortSignal | undefined;
  /** Called when a try may have been executed although no reply came: it may also be executed later. */
  readonly onUncertain?: (() => void) | undefined;
}

interface RunnerParts {
  readonly driver: Driver;
  /** What single calls are sent through. */
  readonly link: ScriptLink;
  readonly clock: Clock;
  readonly random: Random;
  readonly timeoutMs: number;
  isUp(): boolean;
  /** Resolves when the connection is up, rejects at the deadline. */
  whenUp(what: string, timeoutMs: number, signal: AbortSignal | undefined): Promise<void>;
  serverNow(): number;
  sampleServerTime(): Promise<unknown>;
  allowOom(): boolean;
  readonly latency: LatencyWindow | undefined;
}

/** A wait between two tries of a call that Redis could not serve. */
const retryPauseMs = 25;

/**
 * Sends scripts: EVALSHA, and EVAL where the node does not know it. A call that Redis refused, or whose reply was lost,
 * is repeated within its deadline if that cannot execute it twice.
 */
export class ScriptRunner {
  readonly #parts: RunnerParts;

  constructor(parts: RunnerParts) {
    this.#parts = parts;
  }

  run<Reply>(call: ScriptCall<Reply>, options: RunOptions | undefined): Promise<Reply> {
    const { script } = call;
    const timeoutMs = options?.timeoutMs ?? this.#parts.timeoutMs;
    const deadline = this.#parts.clock.monotonic() + timeoutMs;
    const signal = options?.signal;
    if (!this.#parts.isUp() || signal?.aborted) return this.#persist(call, deadline, options, undefined);
    const sent = this.#send(call, timeoutMs, deadline, signal);
    // ioredis's own time-out is the connection's; only another one needs a timer of ours.
    const reply = options?.timeoutMs === undefined ? sent : this.#within(sent, deadline, this.#attempt(call));
    return reply.then(
      (reply) => {
        if (reply === lateReply) return this.#persist(call, deadline, options, lateReply);
        this.#parts.latency?.record(this.#parts.clock.monotonic() - deadline + timeoutMs);
        return script.parse(reply);
      },
      (error: unknown) => this.#persist(call, deadline, options, error),
    );
  }

  /** Many calls, those on one connection in one write. Each settles by itself. */
  runAll(
    calls: readonly ScriptCall[],
    options: RunOptions | undefined,
  ): Promise<PromiseSettledResult<unknown>[]> {
    const outcomes: Promise<unknown>[] = [];
    for (const [lane, positions] of this.#byLane(calls)) {
      const batch = positions.map((at) => calls[at]!);
      const settled =
        lane === undefined || batch.length < 2
          ? batch.map((call) => this.run(call, options))
          : this.#pipeline(lane, batch, options);
      for (const [index, at] of positions.entries()) outcomes[at] = settled[index]!;
    }
    return Promise.allSettled(outcomes);
  }

  #byLane(calls: readonly ScriptCall[]): Map<AdminClient | undefined, number[]> {
    const lanes = new Map<AdminClient | undefined, number[]>();
    const up = this.#parts.isUp();
    for (const [at, { argv, keyCount }] of calls.entries()) {
      const lane = up ? this.#parts.driver.lane(keyCount > 0 ? argv[0] : undefined) : undefined;
      const positions = lanes.get(lane);
      if (positions) positions.push(at);
      else lanes.set(lane, [at]);
    }
    return lanes;
  }

  #pipeline(
    lane: AdminClient,
    calls: readonly ScriptCall[],
    options: RunOptions | undefined,
  ): Promise<unknown>[] {
    const timeoutMs = options?.timeoutMs ?? this.#parts.timeoutMs;
    const deadline = this.#parts.clock.monotonic() + timeoutMs;
    const pipeline = lane.pipeline();
    for (const call of calls) {
      const { sha } = this.#variant(call);
      pipeline.evalsha(sha, call.keyCount, ...this.#arguments(call, timeoutMs));
    }
    // exec() itself rejects, rather than each reply, when the connection breaks under it.
    const replies = pipeline
      .exec()
      .catch((error: Error) => calls.map((): [Error, unknown] => [error, undefined]));
    return calls.map(async (call, index) => {
      const [error, reply] = (await replies)?.[index] ?? [new Error('Connection is closed.'), undefined];
      if (error) return this.#persist(call, deadline, options, error);
      if (reply === lateReply) return this.#persist(call, deadline, options, lateReply);
      return call.script.parse(reply);
    });
  }

  #send(
    call: ScriptCall,
    timeoutMs: number,
    deadline: number,
    signal: AbortSignal | undefined,
    command: 'evalsha' | 'eval' = 'evalsha',
  ): Promise<unknown> {
    const { sha, source } = this.#variant(call);
    const script = command === 'eval' ? source : sha;
    const args = this.#arguments(call, timeoutMs);
    const { keyCount, encodedKeys } = call;
    return this.#parts.link.send({ command, script, keyCount, args, encodedKeys }, deadline, signal);
  }

  #variant(call: ScriptCall): ScriptVariant {
    return call.script.variant(this.#dialect(call));
  }

  #dialect({ script }: ScriptCall): ScriptDialect {
    if (this.#parts.driver.injectedTime) return 'memory';
    return script.allowOom === true && this.#parts.allowOom() ? 'redis-allow-oom' : 'redis';
  }

  #arguments({ script, keyCount, argv }: ScriptCall, timeoutMs: number): ScriptCall['argv'] {
    if (script.expires) argv[keyCount] = ((this.#parts.serverNow() + timeoutMs) * 1_000).toFixed(0);
    const { injectedTime } = this.#parts.driver;
    return injectedTime ? [...argv, injectedTime()] : argv;
  }

  /** The slow path: waits for the connection and repeats, as long as the deadline and the script's nature allow. */
  async #persist<Reply>(
    call: ScriptCall<Reply>,
    deadline: number,
    options: RunOptions | undefined,
    firstFailure: unknown,
  ): Promise<Reply> {
    const { clock } = this.#parts;
    const signal = options?.signal;
    const attempt = this.#attempt(call, options?.onUncertain);
    let failure = firstFailure;
    for (;;) {
      if (failure === lateReply) await this.#parts.sampleServerTime().catch(() => {});
      else if (failure !== undefined && !isNoScript(failure)) {
        attempt.failed(failure);
        await this.#pause(deadline, attempt, signal);
      }
      const left = deadline - clock.monotonic();
      if (left <= 0) throw attempt.givenUp();
      await this.#parts
        .whenUp(call.script.name, left, signal)
        .catch((error: unknown) => attempt.waitFailed(error));
      try {
        const reply = await this.#within(
          this.#send(call, left, deadline, signal, isNoScript(failure) ? 'eval' : 'evalsha'),
          deadline,
          attempt,
        );
        if (reply !== lateReply) return call.script.parse(reply);
        failure = lateReply;
      } catch (error) {
        failure = error;
      }
    }
  }

  #attempt(call: ScriptCall, onUncertain?: () => void): Attempt {
    const { address } = this.#parts.driver;
    const where = { what: call.script.name, address, source: () => this.#variant(call).source };
    return new Attempt(call, where, onUncertain);
  }

  async #pause(deadline: number, attempt: Attempt, signal: AbortSignal | undefined): Promise<void> {
    const { clock, random } = this.#parts;
    const pause = retryPauseMs * (0.5 + random.next());
    if (clock.monotonic() + pause >= deadline) throw attempt.givenUp();
    await sleep(clock, pause, { signal });
  }

  /** ioredis gives each try its own full deadline; a late try has only what is left. */
  #within(reply: Promise<unknown>, deadline: number, attempt: Attempt): Promise<unknown> {
    const { clock } = this.#parts;
    return new Promise((resolve, reject) => {
      const timer = clock.setTimer(() => reject(attempt.timedOut()), deadline - clock.monotonic());
      reply.then(resolve, reject).finally(() => timer.cancel());
    });
  }
}

/** What is known of a call over all its tries. */
class Attempt {
  readonly #call: ScriptCall;
  readonly #where: FailedCall;
  readonly #onUncertain: (() => void) | undefined;
  #last: LockstepError | undefined;
  #mayHaveRun = false;

  constructor(call: ScriptCall, where: FailedCall, onUncertain: (() => void) | undefined) {
    this.#call = call;
    this.#where = where;
    this.#onUncertain = onUncertain;
  }

  /** Throws if this failure must not be followed by another try. */
  failed(error: unknown): void {
    const failure = translateError(error, this.#where);
    this.#last = failure;
    if (!isLockstepError(failure, 'REDIS_UNAVAILABLE')) throw failure;
    if (!failure.outcomeUnknown) return;
    this.#mayHaveRun = true;
    this.#onUncertain?.();
    if (!this.#call.script.idempotent) throw failure;
  }

  waitFailed(error: unknown): never {
    if (isLockstepError(error, 'REDIS_UNAVAILABLE')) throw this.#mayHaveRun ? this.givenUp() : error;
    throw error;
  }

  timedOut(): LockstepError {
    return unavailable(this.#where, 'timeout', true);
  }

  givenUp(): LockstepError {
    const last = this.#last;
    const reason = isLockstepError(last, 'REDIS_UNAVAILABLE') ? last.reason : 'timeout';
    return unavailable(this.#where, reason, this.#mayHaveRun, last?.cause ?? last);
  }
}
