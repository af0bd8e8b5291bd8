import { connect, createRedis, defineScript } from '@lockstep/redis';
import fc from 'fast-check';
import { Command, Redis as IORedis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import type { WireCall } from '../src/driver.ts';
import { KeyList } from '../src/key-list.ts';
import type { NodeClient } from '../src/ioredis/link.ts';
import { encode, ScriptCommand, sendEncoded } from '../src/ioredis/script-command.ts';
import { FakeServer } from './fake-server.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', '\r\n', '$3\r\nx', 'ä', '\ud800'),
);

it('writes what ioredis would have written', () => {
  const argument = fc.oneof(text, fc.integer(), fc.double({ noNaN: true }));
  fc.assert(
    fc.property(text, fc.array(text), fc.array(argument), fc.boolean(), (script, keys, rest, areBound) => {
      const args = [...keys, ...rest];
      const theirs = new Command('eval', [script, keys.length, ...args]).toWritable({}) as string;
      const encodedKeys = areBound ? new KeyList('any', keys).encoded : undefined;
      expect(encode({ command: 'eval', script, keyCount: keys.length, args, encodedKeys })).toEqual(
        Buffer.from(theirs),
      );
    }),
  );
});

const callOf = (args: readonly (string | Buffer)[]): WireCall => ({
  command: 'evalsha',
  script: 'sha',
  keyCount: 1,
  args,
  encodedKeys: undefined,
});

/** A script call, whose command is looked at as ioredis gets it. */
async function commandOf(client: IORedis, ...args: (string | Buffer)[]): Promise<Command> {
  const seen: Command[] = [];
  client.sendCommand = (command) => {
    seen.push(command as unknown as Command);
    return Promise.resolve();
  };
  await sendEncoded(client as unknown as NodeClient, callOf(args));
  return seen[0]!;
}

it('leaves to ioredis what is bytes', async () => {
  const client = new IORedis({ lazyConnect: true });
  expect(await commandOf(client, 'key', 'text')).toBeInstanceOf(ScriptCommand);
  const bytes = await commandOf(client, 'key', Buffer.from([0, 255]));
  expect(bytes).not.toBeInstanceOf(ScriptCommand);
  expect(bytes.args).toEqual(['sha', '1', 'key', Buffer.from([0, 255])]);
});

it('leaves a client to itself that may be of another ioredis', async () => {
  const sent: unknown[][] = [];
  const client = { evalsha: (...args: unknown[]) => Promise.resolve(sent.push(args)) };
  await sendEncoded(client as unknown as NodeClient, callOf(['key', 'x']));
  expect(sent).toEqual([['sha', 1, 'key', 'x']]);
});

it('is answered, times out and breaks like any command of ioredis', async () => {
  const fake = await FakeServer.start();
  onTestFinished(() => fake[Symbol.asyncDispose]());
  const script = defineScript({
    name: 'test.echo',
    keys: ['key'],
    args: ['text'],
    lua: 'return text',
    parse: (reply) => reply,
    idempotent: false,
  });
  await using redis = await connect(fake.url, {
    logger: silent,
    commandTimeoutMs: 200,
    socketTimeoutMs: 150,
  });
  const call = (): Promise<unknown> => redis.run(script, { key: 'k' }, { text: 'x' });
  fake.answers['evalsha'] = (args) => [args[3]!, 7, null, ['nested']];
  expect(await call()).toEqual(['k', 7, null, ['nested']]);
  expect(fake.received.at(-1)).toEqual(['evalsha', script.variant('redis').sha, '1', 'k', 'x']);
  fake.answers['evalsha'] = () => undefined;
  await expect(call()).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE', reason: 'timeout' });
  fake.answers['evalsha'] = (_, socket) => void socket.destroy();
  await expect(call()).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE', outcomeUnknown: true });
  const down = createRedis('redis://127.0.0.1:1', {
    logger: silent,
    commandTimeoutMs: 50,
    socketTimeoutMs: 50,
  });
  await expect(down.run(script, { key: 'k' }, { text: 'x' })).rejects.toMatchObject({
    outcomeUnknown: false,
  });
  await down.close();
});
