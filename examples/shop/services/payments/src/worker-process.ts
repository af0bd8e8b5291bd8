import { parseArgs } from 'node:util';
import { systemClock } from '@lockstep/core';
import { connect } from '@lockstep/redis';
import { createPaymentWorker } from './payment-worker.ts';
import { providerClient } from './provider-client.ts';
import { ProviderLink } from './provider-link.ts';

// A payment worker in a process of its own, on REDIS_URL. Its parent ends it by a signal.
const { values } = parseArgs({
  options: {
    name: { type: 'string', default: 'payments' },
    prefix: { type: 'string' },
    provider: { type: 'string', default: '' },
    'latency-ms': { type: 'string', default: '0' },
    concurrency: { type: 'string', default: '10' },
  },
});

const redis = await connect(process.env['REDIS_URL'], { prefix: values.prefix });
const provider = new ProviderLink({
  provider: providerClient(values.provider),
  clock: systemClock,
  latencyMs: Number(values['latency-ms']),
  random: Math.random,
});
const worker = createPaymentWorker({
  redis,
  provider,
  name: values.name,
  concurrency: Number(values.concurrency),
});
await worker.start();
// A parent that is gone leaves no worker behind.
process.once('disconnect', () => void redis.close().then(() => process.exit()));
process.send?.('started');
