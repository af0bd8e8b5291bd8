import { describe, expect, it } from 'vitest';
import { ReplyPairing } from '../src/lost-reply.ts';

const get = Buffer.from('*2\r\n$3\r\nget\r\n$1\r\nk\r\n');
const incr = Buffer.from('*2\r\n$4\r\nincr\r\n$1\r\nk\r\n');

describe('ReplyPairing', () => {
  it('lets the replies to earlier requests pass and stops at the first byte of the wanted one', () => {
    const pairing = new ReplyPairing([{ match: Buffer.from('incr') }]);
    pairing.request(Buffer.concat([get, get, incr]));
    expect(pairing.reply(Buffer.from('$1\r\na\r\n$1'))).toBe(9);
    expect(pairing.reply(Buffer.from('\r\nb\r\n'))).toBe(5);
    expect(pairing.reply(Buffer.from(':1'))).toBe(0);
  });

  it('cuts a chunk in which the wanted reply follows another', () => {
    const pairing = new ReplyPairing([{ match: Buffer.from('incr') }]);
    pairing.request(Buffer.concat([get, incr, get]));
    expect(pairing.reply(Buffer.from('+a\r\n:1\r\n+b\r\n'))).toBe(4);
  });

  it('takes a wanted entry once over all connections', () => {
    const wanted = [{ match: Buffer.from('incr') }];
    const [first, second] = [new ReplyPairing(wanted), new ReplyPairing(wanted)];
    first.request(incr);
    second.request(incr);
    expect([first.reply(Buffer.from(':1\r\n')), second.reply(Buffer.from(':2\r\n'))]).toEqual([0, 4]);
  });
});
