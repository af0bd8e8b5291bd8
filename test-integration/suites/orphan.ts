// Started by site.test.ts and killed without a chance to clean up.
import { startStandalone } from '../src/servers/standalone.ts';

const server = await startStandalone({ site: 'binary' });
const [, folder] = (await server.command('config', 'get', 'dir')) as [string, string];
console.log(JSON.stringify({ pid: Number(await server.info('process_id')), folder }));
setInterval(() => undefined, 60_000);
