export { translateError } from './error-translation.ts';
export { keySlot } from './ioredis/key-slot.ts';
