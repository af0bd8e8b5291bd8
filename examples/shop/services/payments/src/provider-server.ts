import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ChargeRequest, PaymentProvider } from './provider.ts';

/** The provider for workers in processes of their own. */
export interface ProviderServer extends AsyncDisposable {
  readonly url: string;
}

/** Serves the provider over HTTP on a free port of the loopback interface. */
export async function serveProvider(provider: PaymentProvider): Promise<ProviderServer> {
  const server = createServer((request, response) => void answer(provider, request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/charges`, [Symbol.asyncDispose]: () => close(server) };
}

async function answer(
  provider: PaymentProvider,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const charge = JSON.parse(Buffer.concat(chunks).toString()) as ChargeRequest;
    // A worker that hangs up has asked all the same.
    const outcome = await provider.charge(charge, { signal: new AbortController().signal });
    response.setHeader('content-type', 'application/json').end(JSON.stringify(outcome));
  } catch {
    // How an answer gets lost: the connection breaks under it.
    response.destroy();
  }
}

async function close(server: Server): Promise<void> {
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
}
