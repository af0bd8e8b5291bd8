export { ChargeLedger } from './charge-ledger.ts';
export { FlakyProvider } from './flaky-provider.ts';
export { createPaymentWorker } from './payment-worker.ts';
export { providerClient } from './provider-client.ts';
export { ProviderLink } from './provider-link.ts';
export { serveProvider } from './provider-server.ts';

export type { ChargeAccount } from './charge-ledger.ts';
export type { FlakyProviderOptions } from './flaky-provider.ts';
export type { PaymentWorkerOptions } from './payment-worker.ts';
export type { ChargeOutcome, ChargeRequest, PaymentProvider } from './provider.ts';
export type { ProviderLinkOptions } from './provider-link.ts';
export type { ProviderServer } from './provider-server.ts';
