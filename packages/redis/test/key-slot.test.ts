import { describe, expect, it } from 'vitest';
import { keySlot } from '../src/ioredis/key-slot.ts';

describe('the slot of a key', () => {
  it.each([
    ['123456789', 0x31c3],
    ['foo', 12_182],
    ['{foo}.bar', 12_182],
    ['x{foo}{bar}', 12_182],
    ['{user1000}.following', 3_443],
    ['', 0],
  ])('of %j is %i', (key, slot) => {
    expect(keySlot(key)).toBe(slot);
    expect(keySlot(Buffer.from(key))).toBe(slot);
  });

  it('takes an empty or unfinished hash tag for a part of the key', () => {
    expect(keySlot('foo{}')).not.toBe(keySlot('{}'));
    expect(keySlot('{foo')).not.toBe(keySlot('foo'));
    expect(keySlot('foo{}{bar}')).not.toBe(keySlot('bar'));
  });
});
