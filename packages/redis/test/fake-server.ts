import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export type Reply = string | number | null | Error | readonly Reply[];
type Answer = (args: readonly string[], socket: Socket) => Reply | undefined;

const info = 'redis_version:7.0.15\r\nrole:master\r\nmaster_replid:one\r\nconnected_slaves:0\r\n';

/** Speaks enough RESP2 for ioredis: the one-node Cluster, or single Redis, that a test scripts by overriding answers. */
export class FakeServer implements AsyncDisposable {
  readonly received: string[][] = [];
  readonly sockets = new Set<Socket>();
  /** By lower-case command; `undefined` answers nothing. */
  readonly answers: Record<string, Answer> = {
    info: () => info,
    time: () => ['1000', '0'],
    ping: () => 'PONG',
    select: () => 'OK',
    client: () => 'OK',
    unwatch: () => 'OK',
    evalsha: () => new Error('NOSCRIPT No matching script.'),
    eval: () => 1,
    wait: () => 1,
    cluster: (args) => (args[1] === 'info' ? 'cluster_state:ok' : this.slots()),
    subscribe: (args, socket) => this.#confirm('subscribe', args, socket),
    unsubscribe: (args, socket) => this.#confirm('unsubscribe', args, socket),
  };
  readonly #server: Server = createServer((socket) => this.#accept(socket));

  static async start(): Promise<FakeServer> {
    const fake = new FakeServer();
    fake.#server.listen(0, '127.0.0.1');
    await once(fake.#server, 'listening');
    return fake;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** All slots are here. */
  slots(): Reply {
    return [[0, 16_383, ['127.0.0.1', this.port, 'node-1']]];
  }

  /** How often a command came. */
  count(command: string): number {
    return this.received.filter(([name]) => name === command).length;
  }

  publish(channel: string, payload: string): void {
    for (const socket of this.sockets) socket.write(encode(['message', channel, payload]));
  }

  /** Breaks every connection. */
  drop(): void {
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.drop();
    await once(this.#server, 'close');
  }

  #accept(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => {}).on('close', () => this.sockets.delete(socket));
    let rest = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      const { commands, left } = decode(rest + chunk);
      rest = left;
      for (const [name = '', ...args] of commands) this.#answer([name.toLowerCase(), ...args], socket);
    });
  }

  #answer(command: string[], socket: Socket): void {
    this.received.push(command);
    const answer = this.answers[command[0]!] ?? (() => new Error(`ERR unknown command '${command[0]}'`));
    const reply = answer(command, socket);
    if (reply !== undefined) socket.write(encode(reply));
  }

  #confirm(kind: string, [, ...channels]: readonly string[], socket: Socket): undefined {
    for (const [index, channel] of channels.entries()) socket.write(encode([kind, channel, index + 1]));
  }
}

function encode(reply: Reply): string {
  if (reply === null) return '$-1\r\n';
  if (reply instanceof Error) return `-${reply.message}\r\n`;
  if (typeof reply === 'number') return `:${reply}\r\n`;
  if (typeof reply === 'string') return `$${Buffer.byteLength(reply)}\r\n${reply}\r\n`;
  return `*${reply.length}\r\n${reply.map(encode).join('')}`;
}

/** Arrays of bulk strings, and what is left of an unfinished one. */
function decode(text: string): { commands: string[][]; left: string } {
  const commands: string[][] = [];
  let at = 0;
  for (;;) {
    const found = decodeOne(text, at);
    if (found === undefined) return { commands, left: text.slice(at) };
    commands.push(found.command);
    at = found.end;
  }
}

function decodeOne(text: string, start: number): { command: string[]; end: number } | undefined {
  const head = /\*(\d+)\r\n/y;
  head.lastIndex = start;
  const count = Number(head.exec(text)?.[1] ?? -1);
  if (count < 0) return undefined;
  let at = head.lastIndex;
  const command: string[] = [];
  for (let n = 0; n < count; n++) {
    const size = /\$(\d+)\r\n/y;
    size.lastIndex = at;
    const length = size.exec(text)?.[1];
    const end = size.lastIndex + Number(length) + 2;
    if (length === undefined || text.length < end) return undefined;
    command.push(text.slice(size.lastIndex, end - 2));
    at = end;
  }
  return { command, end: at };
}
