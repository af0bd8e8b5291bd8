import type { ScriptLink } from '../driver.ts';
import type { NodeClient } from './link.ts';
import { sendEncoded } from './script-command.ts';

interface Corkable {
  cork(): void;
  uncork(): void;
}

/**
 * After so many calls a part of them is sent: while this process writes the rest, Redis works, and the other way round.
 * With all in one write each would wait for the other.
 */
const callsPerWrite = 16;

/**
 * The link of one ioredis client. Calls made in one turn of the event loop reach the socket in few writes: ioredis writes
 * each by itself, and a system call costs more than a script. Nothing waits: the first is sent at once, the others when
 * the turn ends.
 */
export function corkedLink(client: NodeClient): ScriptLink {
  const holder = client as unknown as { readonly stream?: Corkable };
  let calls = 0;
  let corked: Corkable | undefined;
  const endOfTurn = (): void => {
    corked?.uncork();
    corked = undefined;
    calls = 0;
  };
  return {
    send(call) {
      if (calls === 0) process.nextTick(endOfTurn);
      else if (corked === undefined) corked = cork(holder.stream);
      const sent = sendEncoded(client, call);
      calls += 1;
      if (calls % callsPerWrite === 0) {
        corked?.uncork();
        corked?.cork();
      }
      return sent;
    },
  };
}

function cork(stream: Corkable | undefined): Corkable | undefined {
  if (typeof stream?.cork !== 'function') return undefined;
  stream.cork();
  return stream;
}
