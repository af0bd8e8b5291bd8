import type { ChargeOutcome, PaymentProvider } from './provider.ts';

/** The provider as a worker in a process of its own sees it. */
export function providerClient(url: string): PaymentProvider {
  return {
    async charge(request, { signal }) {
      const response = await fetch(url, { method: 'POST', body: JSON.stringify(request), signal });
      return (await response.json()) as ChargeOutcome;
    },
  };
}
