import { Command, Redis as IORedis } from 'ioredis';
import type { ScriptArgument } from '../client.ts';
import { sendScript } from '../driver.ts';
import type { NodeClient } from './link.ts';
import { ReplyDeadlines } from './reply-deadlines.ts';

type ScriptCommandName = 'evalsha' | 'eval';

/**
 * A script call as ioredis takes one, without what ioredis does for commands in general: it looks at each argument three
 * times before it writes it, makes a timer per command, and looks for transformers of its reply. That cost more than all
 * else of a call.
 */
export class ScriptCommand {
  readonly name: ScriptCommandName;
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

  constructor(command: ScriptCommandName, script: string, text: Buffer, deadlines: ReplyDeadlines) {
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
export function sendEncoded(
  client: NodeClient,
  command: ScriptCommandName,
  script: string,
  keyCount: number,
  args: readonly ScriptArgument[],
): Promise<unknown> {
  // Handed-in clients may be of another copy of ioredis, with other insides.
  if (client instanceof IORedis) {
    const text = encode(command, script, keyCount, args);
    if (text) {
      const call = new ScriptCommand(command, script, text, deadlines(client));
      return client.sendCommand(call as unknown as Command) as Promise<unknown>;
    }
  }
  return sendScript(client, command, script, keyCount, args);
}

function deadlines(client: NodeClient): ReplyDeadlines {
  let found = deadlinesOf.get(client);
  if (found === undefined) {
    found = new ReplyDeadlines();
    deadlinesOf.set(client, found);
  }
  return found;
}

/**
 * An array of bulk strings, as https://redis.io/docs/latest/develop/reference/protocol-spec/ has it.
 * Nothing where an argument is bytes, which no text can hold.
 */
export function encode(
  command: ScriptCommandName,
  script: string,
  keyCount: number,
  args: readonly ScriptArgument[],
): Buffer | undefined {
  const head = `*${args.length + 3}\r\n$${command.length}\r\n${command}\r\n`;
  // Mostly all of it is ASCII, and then a length in characters is one in bytes.
  const text = join(head, script, keyCount, args, (value) => value.length);
  if (text === undefined || Buffer.byteLength(text) === text.length)
    return text === undefined ? undefined : Buffer.from(text, 'latin1');
  return Buffer.from(join(head, script, keyCount, args, (value) => Buffer.byteLength(value))!);
}

function join(
  head: string,
  script: string,
  keyCount: number,
  args: readonly ScriptArgument[],
  lengthOf: (value: string) => number,
): string | undefined {
  let text = `${head}$${lengthOf(script)}\r\n${script}\r\n$${String(keyCount).length}\r\n${keyCount}\r\n`;
  for (let at = 0; at < args.length; at += 1) {
    const argument = args[at]!;
    if (typeof argument === 'object') return undefined;
    const value = typeof argument === 'string' ? argument : String(argument);
    text += `$${lengthOf(value)}\r\n${value}\r\n`;
  }
  return text;
}
