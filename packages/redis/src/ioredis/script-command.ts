import { Command, Redis as IORedis } from 'ioredis';
import { sendScript, type WireCall } from '../driver.ts';
import { bulkString } from '../key-list.ts';
import type { NodeClient } from './link.ts';
import { ReplyDeadlines } from './reply-deadlines.ts';

/**
 * A script call as ioredis takes one, without what ioredis does for commands in general: it looks at each argument three
 * times before it writes it, makes a timer per command, and looks for transformers of its reply. That cost more than all
 * else of a call.
 */
export class ScriptCommand {
  readonly name: WireCall['command'];
  /** What traces and errors of ioredis show: which script, and nothing of keys and payloads. */
  readonly args: readonly string[];
  readonly promise: Promise<unknown>;
  resolve!: (reply: unknown) => void;
  reject!: (error: Error) => void;
  // Read by ioredis 5 or 6 of the commands it is given.
  readonly inTransaction = false;
  readonly transformed = true;
  isTraced = false;
  isResolved = false;
  isSettled = false;
  readonly #text: Buffer;
  readonly #deadlines: ReplyDeadlines;

  constructor(command: WireCall['command'], script: string, text: Buffer, deadlines: ReplyDeadlines) {
    this.name = command;
    this.args = [script];
    this.#text = text;
    this.#deadlines = deadlines;
    this.promise = new Promise((resolve, reject) => {
      this.resolve = (reply) => {
        this.isResolved = this.isSettled = true;
        resolve(decode(reply));
      };
      this.reject = (error) => {
        this.isResolved = this.isSettled = true;
        reject(error);
      };
    });
  }

  toWritable(): Buffer {
    return this.#text;
  }

  /** Called by ioredis with the client's `commandTimeout`. */
  setTimeout(ms: number): void {
    this.#deadlines.add(this, ms);
  }
}

// What it has no need to say in its own way, it has from there.
Object.setPrototypeOf(ScriptCommand.prototype, Command.prototype as object);

/** Bulk strings come as bytes. */
function decode(reply: unknown): unknown {
  if (reply instanceof Buffer) return reply.toString();
  if (!Array.isArray(reply)) return reply;
  for (let at = 0; at < reply.length; at += 1) reply[at] = decode(reply[at]);
  return reply;
}

const deadlinesOf = new WeakMap<NodeClient, ReplyDeadlines>();

/** Sends a script to one server. With the same effect as ioredis's own methods, in less time. */
export function sendEncoded(client: NodeClient, call: WireCall): Promise<unknown> {
  // Handed-in clients may be of another copy of ioredis, with other insides.
  if (client instanceof IORedis) {
    const text = encode(call);
    if (text) {
      const command = new ScriptCommand(call.command, call.script, text, deadlines(client));
      return client.sendCommand(command as unknown as Command) as Promise<unknown>;
    }
  }
  return sendScript(client, call);
}

function deadlines(client: NodeClient): ReplyDeadlines {
  let found = deadlinesOf.get(client);
  if (found === undefined) {
    found = new ReplyDeadlines();
    deadlinesOf.set(client, found);
  }
  return found;
}

/** An array of bulk strings. Nothing where an argument is bytes, which no text can hold. */
export function encode(call: WireCall): Buffer | undefined {
  // Mostly all of it is ASCII, and then a length in characters is one in bytes.
  const text = join(call, (value) => `$${value.length}\r\n${value}\r\n`);
  if (text === undefined) return undefined;
  if (Buffer.byteLength(text) === text.length) return Buffer.from(text, 'latin1');
  return Buffer.from(join(call, bulkString)!);
}

function join(
  { command, script, keyCount, args, encodedKeys }: WireCall,
  bulk: (value: string) => string,
): string | undefined {
  let text = `*${args.length + 3}\r\n${bulk(command)}${bulk(script)}${bulk(String(keyCount))}`;
  if (encodedKeys !== undefined) text += encodedKeys;
  for (let at = encodedKeys === undefined ? 0 : keyCount; at < args.length; at += 1) {
    const argument = args[at]!;
    if (typeof argument === 'object') return undefined;
    text += bulk(typeof argument === 'string' ? argument : String(argument));
  }
  return text;
}
