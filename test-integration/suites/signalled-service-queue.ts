import { defineQueue, task } from '@lockstep/task-queue';
import { anyInput } from '../src/queue-chaos/any-input.ts';

/** Tasks that never end by themselves: one heeds its signal, one does not. */
export const signalledQueue = defineQueue({
  name: 'signalled',
  tasks: { attentive: task({ input: anyInput<object>() }), deaf: task({ input: anyInput<object>() }) },
});
