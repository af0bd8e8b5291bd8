import { sendScript, type ScriptLink } from '../driver.ts';
import type { NodeClient } from './link.ts';

interface Corkable {
  cork(): void;
  uncork(): void;
}

/**
 * The link of one ioredis client. Calls made in one turn of the event loop reach the socket in one write: ioredis writes
 * each by itself, and a system call costs more than a script. Nothing waits: the turn ends, then all of it is sent.
 */
export function corkedLink(client: NodeClient): ScriptLink {
  const holder = client as unknown as { readonly stream?: Corkable };
  let corked: Corkable | undefined;
  const release = (): void => {
    corked?.uncork();
    corked = undefined;
  };
  return {
    send(command, script, keyCount, args) {
      const { stream } = holder;
      if (corked === undefined && typeof stream?.cork === 'function') {
        corked = stream;
        stream.cork();
        process.nextTick(release);
      }
      return sendScript(client, command, script, keyCount, args);
    },
  };
}
