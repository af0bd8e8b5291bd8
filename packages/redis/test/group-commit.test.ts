import { ManualClock } from '@lockstep/testing';
import { describe, expect, it } from 'vitest';
import type { AdminClient, ReplyCallback } from '../src/client.ts';
import type { Driver, WireCall } from '../src/driver.ts';
import { ConfirmedReply, GroupCommit } from '../src/group-commit.ts';
import { GuardedLink } from '../src/guarded-link.ts';

type Reply = [error: Error | null, reply: unknown];

/** A connection whose pipelines are answered by hand. */
class FakeConnection {
  readonly batches: {
    commands: string[];
    reply(at: number, error?: Error): void;
    answer(replies: Reply[]): void;
    breakOff(): void;
  }[] = [];
  status = 'ready';

  pipeline() {
    const commands: string[] = [];
    const callbacks: ReplyCallback[] = [];
    const queue =
      (name: string) =>
      (script: string, _: number, ...args: unknown[]): void => {
        commands.push(`${name} ${script}`);
        callbacks.push(args.at(-1) as ReplyCallback);
      };
    return {
      evalsha: queue('evalsha'),
      eval: queue('eval'),
      wait: (replicas: number, timeoutMs: number) => commands.push(`wait ${replicas} ${timeoutMs}`),
      exec: () =>
        new Promise<Reply[]>((resolve, reject) =>
          this.batches.push({
            commands,
            reply: (at, error) => callbacks[at]!(error),
            answer: resolve,
            breakOff: () => reject(new Error('Connection is closed.')),
          }),
        ),
    };
  }

  get client(): AdminClient {
    return this as unknown as AdminClient;
  }

  on(): void {}

  async connect(): Promise<void> {}

  disconnect(): void {
    this.status = 'end';
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const confirmation = { replicas: 1, timeoutMs: 500 };

function callOf(script: string, ...keys: string[]): WireCall {
  return { command: 'evalsha', script, keyCount: keys.length, args: keys, encodedKeys: undefined };
}

function write(commits: GroupCommit, script: string): Promise<ConfirmedReply> {
  return new Promise((resolve, reject) => commits.add({ ...callOf(script), resolve, reject }));
}

describe('group commit', () => {
  it('has one WAIT confirm all writes that came while the one before was under way', async () => {
    const connection = new FakeConnection();
    const commits = new GroupCommit(connection.client, confirmation);
    const first = write(commits, 'a');
    const others = ['b', 'c', 'd'].map((script) => write(commits, script));
    expect(connection.batches.map(({ commands }) => commands)).toEqual([['evalsha a', 'wait 1 500']]);
    connection.batches[0]!.answer([
      [null, 'A'],
      [null, 2],
    ]);
    expect(await first).toEqual(new ConfirmedReply('A', 2));
    await settled();
    expect(connection.batches[1]!.commands).toEqual(['evalsha b', 'evalsha c', 'evalsha d', 'wait 1 500']);
    connection.batches[1]!.answer([
      [null, 'B'],
      [null, 'C'],
      [null, 'D'],
      [null, 0],
    ]);
    expect((await Promise.all(others)).map(({ reply, replicated }) => [reply, replicated])).toEqual([
      ['B', 0],
      ['C', 0],
      ['D', 0],
    ]);
  });

  it('keeps a batch small enough to leave room for others', async () => {
    const connection = new FakeConnection();
    const commits = new GroupCommit(connection.client, confirmation);
    void write(commits, 'first');
    for (let n = 0; n < 450; n++) void write(commits, String(n));
    connection.batches[0]!.answer([
      [null, 1],
      [null, 1],
    ]);
    await settled();
    expect(connection.batches[1]!.commands).toHaveLength(201);
  });

  it('fails a write alone that the server refused, and does not let it wait for the replicas', async () => {
    const connection = new FakeConnection();
    const commits = new GroupCommit(connection.client, confirmation);
    void write(commits, 'first');
    const [refused, fine] = [write(commits, 'a').catch((error: unknown) => error), write(commits, 'b')];
    connection.batches[0]!.answer([
      [null, 1],
      [null, 1],
    ]);
    await settled();
    const refusal = new Error('NOREPLICAS Not enough good replicas to write.');
    connection.batches[1]!.reply(0, refusal);
    expect(await refused).toBe(refusal);
    connection.batches[1]!.answer([
      [refusal, undefined],
      [null, 'B'],
      [null, 1],
    ]);
    expect(await fine).toEqual(new ConfirmedReply('B', 1));
  });

  it('calls nothing confirmed when the connection broke before WAIT was answered', async () => {
    const connection = new FakeConnection();
    const commits = new GroupCommit(connection.client, confirmation);
    const written = write(commits, 'a').catch((error: unknown) => error);
    connection.batches[0]!.answer([
      [null, 'A'],
      [new Error('Connection is closed.'), undefined],
    ]);
    expect(String(await written)).toContain('Connection is closed');
    const broken = write(commits, 'b').catch((error: unknown) => error);
    await settled();
    connection.batches[1]!.breakOff();
    expect(String(await broken)).toContain('Connection is closed');
  });
});

function guarded(connection = new FakeConnection()) {
  const clock = new ManualClock();
  const shared = {} as AdminClient;
  const direct: string[] = [];
  const driver = {
    lane: () => shared,
    createLane: () => connection.client,
    scripts: {
      send: ({ command, script }: WireCall) => {
        direct.push(`${command} ${script}`);
        return Promise.resolve('moved');
      },
    },
  } as unknown as Driver;
  const link = new GuardedLink({ driver, clock, confirmation });
  const send = (script: string, timeoutMs = 1_000, signal?: AbortSignal) =>
    link.send(callOf(script, 'key'), clock.monotonic() + timeoutMs, signal).catch(String);
  return { clock, connection, direct, link, send };
}

describe('a guarded link', () => {
  it('never sends a write whose caller gave up while it was waiting for its batch', async () => {
    const { clock, connection, send } = guarded();
    const first = send('first');
    const late = send('late', 200);
    const controller = new AbortController();
    const aborted = send('aborted', 1_000, controller.signal);
    controller.abort();
    await clock.advance(200);
    expect(await late).toContain('Not sent');
    expect(await aborted).toContain('Not sent');
    const last = send('last');
    connection.batches[0]!.answer([
      [null, 1],
      [null, 1],
    ]);
    await first;
    await settled();
    expect(connection.batches[1]!.commands).toEqual(['evalsha last', 'wait 1 500']);
    connection.batches[1]!.answer([
      [null, 1],
      [null, 1],
    ]);
    await last;
    expect(clock.pendingTimers).toBe(0);
  });

  it('says that it did not send while its connection is not there', async () => {
    const connection = new FakeConnection();
    connection.status = 'connecting';
    expect(await guarded(connection).send('a')).toContain('No connection');
    expect(connection.batches).toHaveLength(0);
  });

  it('makes a write whose key is being moved the ordinary way, and calls it confirmed by nobody', async () => {
    const { connection, direct, send } = guarded();
    const moved = send('a');
    connection.batches[0]!.answer([
      [new Error('ASK 7 127.0.0.1:7001'), undefined],
      [null, 2],
    ]);
    expect(await moved).toEqual(new ConfirmedReply('moved', 0));
    expect(direct).toEqual(['evalsha a']);
  });

  it('closes its connections, and then sends nothing', async () => {
    const { connection, link, send } = guarded();
    void send('a');
    link.close();
    expect(connection.status).toBe('end');
    expect(await send('b')).toContain('No connection');
    expect(connection.batches).toHaveLength(1);
  });
});
