// memory:// works where ioredis-mock is installed; elsewhere the error says what to install.
import { connect } from '@lockstep/redis';

const expected = process.argv[2];
try {
  const redis = await connect('memory://scratch');
  await redis.close();
  if (expected !== 'works') throw new Error('memory:// came up without ioredis-mock');
} catch (error) {
  if (expected === 'works' || !/npm install .*ioredis-mock/.test(error.message)) throw error;
}
console.log(`memory:// ${expected}`);
