import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { operationsOf } from '../src/history.ts';
import { ManualClock } from '../src/manual-clock.ts';
import { loadHistory, mergeHistories, recordHistory } from '../src/record-history.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'history-'));
});

afterEach(() => rm(folder, { recursive: true }));

describe('recordHistory', () => {
  it('records an operation as an invocation and a completion on the given clock', async () => {
    const clock = new ManualClock();
    const start = clock.monotonic();
    const history = recordHistory({ process: 'p', now: () => clock.monotonic() - start });
    const operation = history.invoke('acquire', { key: 'stock', value: 'input' });
    await clock.advance(5);
    operation.ok({ token: 7, until: 100, value: 'output' });
    expect(operationsOf(history.entries)).toEqual([
      {
        process: 'p',
        f: 'acquire',
        key: 'stock',
        input: 'input',
        output: 'output',
        token: 7,
        until: 100,
        type: 'ok',
        invokedAt: 0,
        completedAt: 5,
      },
    ]);
  });

  it('refuses to complete an operation twice', () => {
    const operation = recordHistory().invoke('send');
    operation.fail();
    expect(() => operation.ok()).toThrow('completed before');
  });

  it('counts an operation that never completed as unknown and never over', () => {
    const history = recordHistory();
    history.invoke('send', { value: 1 });
    expect(operationsOf(history.entries)).toMatchObject([{ type: 'info', completedAt: Infinity }]);
  });

  it('orders the entries of several processes that share the default clock', () => {
    const first = recordHistory({ process: 'a' });
    const second = recordHistory({ process: 'b' });
    first.invoke('one').ok();
    second.invoke('two').ok();
    first.invoke('three').ok();
    const merged = mergeHistories(second.entries, first.entries);
    expect(operationsOf(merged).map(({ f }) => f)).toEqual(['one', 'two', 'three']);
  });

  it('appends to a file that can be loaded while it is still written', async () => {
    const file = join(folder, 'p.ndjson');
    using history = recordHistory({ process: 'p', file });
    history.invoke('send', { value: { deep: ['x'] } }).ok({ token: 1 });
    history.invoke('send', { value: 2 }).info();
    expect(await loadHistory(file)).toEqual(history.entries);
  });

  it('leaves out a last line that a kill cut off', async () => {
    const file = join(folder, 'p.ndjson');
    using history = recordHistory({ process: 'p', file });
    history.invoke('send', { value: 1 });
    await appendFile(file, '{"process":"p","op":1,"ty');
    expect(await loadHistory(file)).toHaveLength(1);
  });

  it('refuses a completion whose invocation is missing', () => {
    const history = recordHistory();
    history.invoke('send').ok();
    expect(() => operationsOf(history.entries.slice(1))).toThrow('without an invocation');
  });
});
