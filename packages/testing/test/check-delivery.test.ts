import { describe, expect, it } from 'vitest';
import { checkDelivery } from '../src/check-delivery.ts';
import { historyOf } from './history-of.ts';
import type { Written } from './history-of.ts';

let at = 0;
const send = (input: unknown, type: Written['type'] = 'ok'): Written => ({
  process: 's',
  f: 'send',
  input,
  type,
  at: [++at, ++at],
});
const receive = (output: unknown, type: Written['type'] = 'ok'): Written => ({
  process: 'r',
  f: 'receive',
  output,
  type,
  at: [++at, ++at],
});

describe('checkDelivery', () => {
  it('accepts that what was sent was received once', () => {
    expect(checkDelivery(historyOf(send(1), send(2), receive(2), receive(1)))).toEqual({
      valid: true,
      attempted: 2,
      acknowledged: 2,
      delivered: 2,
      lost: [],
      unexpected: [],
      duplicated: [],
      recovered: [],
    });
  });

  it('reports what was acknowledged and never received, counting each copy', () => {
    expect(checkDelivery(historyOf(send(1), send(2), receive(1)))).toMatchObject({
      valid: false,
      lost: ['2'],
    });
    expect(checkDelivery(historyOf(send(1), send(1), receive(1)))).toMatchObject({
      valid: false,
      lost: ['1'],
    });
  });

  it('reports what was received but never sent, or whose sending failed for certain', () => {
    const report = checkDelivery(historyOf(send(1), receive(1), receive(9), send(2, 'fail'), receive(2)));
    expect(report).toMatchObject({ valid: false, unexpected: ['9', '2'] });
  });

  it('reports duplicates, which at-least-once delivery may allow', () => {
    const history = historyOf(send(1), receive(1), receive(1));
    expect(checkDelivery(history)).toMatchObject({ valid: false, duplicated: ['1'] });
    expect(checkDelivery(history, { allowDuplicates: true })).toMatchObject({
      valid: true,
      duplicated: ['1'],
    });
  });

  it('takes an unknown send for recovered when it arrives, and never for lost', () => {
    const history = historyOf(send(1, 'info'), send(2, 'info'), receive(2));
    expect(checkDelivery(history)).toMatchObject({ valid: true, recovered: ['2'], lost: [] });
  });

  it('takes an unknown receive for a delivery, but not for a duplicate', () => {
    const history = historyOf(send(1), receive(1, 'info'), receive(1), send(2), receive(2, 'info'));
    expect(checkDelivery(history)).toMatchObject({ valid: true, lost: [], duplicated: [] });
  });

  it('reads other names for its operations', () => {
    const history = historyOf(
      { process: 's', f: 'enqueue', input: 'x', output: 'receipt', at: [1, 2] },
      { process: 'w', f: 'settle', input: 'x', at: [3, 4] },
    );
    expect(checkDelivery(history, { send: 'enqueue', receive: 'settle' })).toMatchObject({
      valid: true,
      delivered: 1,
    });
  });
});
