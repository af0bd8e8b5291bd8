import { GenericContainer, Wait } from 'testcontainers';
import type { StartedTestContainer } from 'testcontainers';
import { labelled, redisImage } from './container-engine.ts';
import { freePorts } from './ports.ts';
import { configFile } from './site.ts';
import type { ProcessSpec, Signal, Site, SiteProcess } from './site.ts';

const folder = '/tmp/lockstep';
const ready = 'the site is open';

/**
 * Runs all processes of a topology inside one container whose ports have the same numbers outside: 127.0.0.1 and a port
 * then mean the same node to the nodes themselves and to a client. Needs `sh` and `kill` in the image.
 */
export async function openContainerSite(portCount: number): Promise<Site> {
  const ports = await freePorts(portCount);
  const container = await labelled(new GenericContainer(redisImage()))
    .withEntrypoint(['sh', '-c', `mkdir -p ${folder} && echo ${ready} && exec sleep 86400`])
    .withExposedPorts(...ports.map((port) => ({ container: port, host: port })))
    .withWaitStrategy(Wait.forLogMessage(ready))
    .start();
  return new ContainerSite(ports, container);
}

class ContainerSite implements Site {
  readonly kind = 'container';
  readonly ports: readonly number[];
  readonly #container: StartedTestContainer;
  readonly #configured = new Set<string>();

  constructor(ports: readonly number[], container: StartedTestContainer) {
    this.ports = ports;
    this.#container = container;
  }

  async start(spec: ProcessSpec): Promise<SiteProcess> {
    const home = `${folder}/${spec.name}`;
    if (!this.#configured.has(spec.name)) {
      this.#configured.add(spec.name);
      const files = { conf: configFile(spec, home, '0.0.0.0'), ...spec.files };
      const contents = Object.entries(files).map(([name, content]) => ({
        content,
        target: `${home}/${name}`,
      }));
      await this.#container.copyContentToContainer(contents);
    }
    return new ContainerProcess(this.#container, spec, home);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#container.stop({ timeout: 0 });
  }
}

class ContainerProcess implements SiteProcess {
  readonly #container: StartedTestContainer;
  readonly #home: string;
  readonly ended: Promise<void>;
  #running = true;

  constructor(container: StartedTestContainer, spec: ProcessSpec, home: string) {
    this.#container = container;
    this.#home = home;
    // In the foreground: the call then returns when the process ends.
    this.ended = container.exec([spec.program, `${home}/conf`]).then(
      () => this.#end(),
      () => this.#end(),
    );
  }

  get running(): boolean {
    return this.#running;
  }

  async signal(signal: Signal): Promise<void> {
    if (!this.#running) return;
    await this.#container.exec(['sh', '-c', `kill -${signal} $(cat ${this.#home}/pid)`]);
    if (signal === 'KILL' || signal === 'TERM') await this.ended;
  }

  async log(): Promise<string> {
    const { output } = await this.#container.exec(['cat', `${this.#home}/log`]);
    return output;
  }

  #end(): void {
    this.#running = false;
  }
}
