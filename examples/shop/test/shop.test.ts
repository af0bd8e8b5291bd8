import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sampleFile, sampleOrder } from './sample-order.ts';
import { runShopProcess } from './shop-process.ts';

/** Starting a process, a lease that runs out, retries: seconds on a busy machine. */
const timeoutMs = 120_000;

const orders = (count: number) =>
  Array.from({ length: count }, (_, n) => sampleOrder({ orderId: `ord-${n + 1}` }));

test(
  'the orders of the repository: a worker is killed, dead letters are redriven, and the books add up',
  async () => {
    const { code, stdout, stderr, figure } = await runShopProcess();
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(figure('Orders')).toBe(1_000);
    expect(figure('rejected')).toBe(4);
    expect(figure('paid') + figure('dead') + figure('rejected')).toBe(1_000);
    expect(figure('dead')).toBeGreaterThan(0);
    expect(figure('after having been a dead letter')).toBeGreaterThan(0);
    expect(figure('redriven from the dead letters')).toBe(
      figure('dead') + figure('after having been a dead letter'),
    );
    expect(figure('ended by a lease that ran out')).toBeGreaterThan(0);
    expect(figure('for an order already paid')).toBeGreaterThan(0);
    expect(figure('with an outdated fencing token')).toBeGreaterThan(0);
    expect(figure('Orders charged twice')).toBe(0);
    expect(stdout).toContain('payments-4 is cut off');
    expect(stdout).toContain('1000 of 1000 orders: the books add up.');
  },
  timeoutMs,
);

test(
  'a malformed line in a file is reported with its number and counted as rejected; the others are paid or dead',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lockstep-shop-'));
    const file = join(folder, 'orders.ndjson');
    const [first, second, third] = orders(3) as [
      ReturnType<typeof sampleOrder>,
      ReturnType<typeof sampleOrder>,
      ReturnType<typeof sampleOrder>,
    ];
    await writeFile(file, sampleFile(first, '{"orderId":', second, '', 'null', first, third));
    const { code, stdout, figure } = await runShopProcess({ args: ['--input', file] });
    await rm(folder, { recursive: true });
    expect(code).toBe(0);
    expect(stdout).toContain('line 2 rejected: is not JSON');
    expect(stdout).toContain('line 5 rejected: the line:');
    expect(stdout).toContain('line 6 rejected: order ord-1 was taken already, on line 1');
    expect(figure('Orders')).toBe(6);
    expect(figure('rejected')).toBe(3);
    expect(figure('paid')).toBe(3);
  },
  timeoutMs,
);

test(
  'orders are read from standard input',
  async () => {
    const input = sampleFile(...orders(40));
    const { code, figure } = await runShopProcess({ args: ['--input', '-', '--workers', '2'], input });
    expect(code).toBe(0);
    expect(figure('Orders')).toBe(40);
    expect(figure('paid')).toBe(40);
  },
  timeoutMs,
);

test(
  'an empty input is a day without orders',
  async () => {
    const { code, stdout } = await runShopProcess({ args: ['--input', '-'], input: '' });
    expect(code).toBe(0);
    expect(stdout).toContain('payments-4 was not killed: there was too little to do');
    expect(stdout).toContain('0 paid + 0 dead + 0 rejected = 0 of 0 orders: the books add up.');
  },
  timeoutMs,
);

test.each([
  ['no server at the address', { redisUrl: 'redis://127.0.0.1:1' }, /^shop: .*redis:\/\/127\.0\.0\.1:1.*\n$/],
  ['an address that is none', { redisUrl: 'redis//nowhere' }, /^shop: .*target.*\n$/],
  [
    'an input that is not there',
    { args: ['--input', 'nowhere.ndjson'] },
    /^shop: ENOENT.*nowhere\.ndjson'\n$/,
  ],
  ['a flag that is unknown', { args: ['--fast'] }, /^shop: Unknown option '--fast'.*\n$/],
  [
    'a number that is none',
    { args: ['--workers', 'many'] },
    /^shop: --workers must be a whole number .*'many'\n$/,
  ],
] as const)(
  '%s is told in one line, with exit code 1',
  async (_case, options, expected) => {
    const { code, stdout, stderr } = await runShopProcess(options);
    expect(stderr).toMatch(expected);
    expect(stdout).toBe('');
    expect(code).toBe(1);
  },
  timeoutMs,
);

test(
  '--help explains every flag',
  async () => {
    const { code, stdout } = await runShopProcess({ args: ['--help'] });
    expect(code).toBe(0);
    for (const flag of ['--input', '--seed', '--workers', '--concurrency', '--latency-ms']) {
      expect(stdout).toContain(flag);
    }
  },
  timeoutMs,
);
