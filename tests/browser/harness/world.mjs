// What all tests share: one browser, and servers that are started when the first test asks for them.
import { setUpApp } from './app.mjs';
import { visit } from './browser.mjs';
import { Server } from './server.mjs';
import { each, fill } from './seed.mjs';
import { bucketWithFiles } from './outside.mjs';
import { acting, tenants } from './people.mjs';
import { shared } from './links.mjs';
import { synced } from './sync.mjs';

export class World {
  #servers = new Map();

  constructor(browser) {
    this.browser = browser;
  }

  async #server(name, make) {
    if (!this.#servers.has(name)) this.#servers.set(name, make());
    return this.#servers.get(name);
  }

  // A server with a handful of storages of different kinds; `server.seed` names them.
  filled() {
    return this.#server('filled', async () => {
      const server = await Server.start();
      server.seed = await fill(server);
      return server;
    });
  }

  // A server on which nothing was done yet but the first start with a chosen password.
  empty() {
    return this.#server('empty', () => Server.start());
  }

  // A server whose admin has an authenticator app; `server.key` is the key in it.
  guarded() {
    return this.#server('guarded', async () => {
      const server = await Server.start();
      server.key = await setUpApp(server);
      return server;
    });
  }

  // A server whose admin has the password that it made up and printed.
  fresh() {
    return this.#server('fresh', () => Server.start({ password: null }));
  }

  // The same, where nobody has signed in yet and nobody will.
  unsettled() {
    return this.#server('unsettled', () => Server.start({ password: null }));
  }

  // A server with 1,000 storages, half of them with a key.
  crowded() {
    return this.#server('crowded', async () => {
      const server = await Server.start();
      const numbers = Array.from({ length: 1_000 }, (_, at) => at + 1);
      await each(numbers, async (number) => {
        const storage = await server.call('POST', '/storages', { name: `Storage ${number}`, provider: 'builtin', quota_bytes: number * 1_000_000 });
        if (number % 2) return;
        const permission = ['read', 'write', 'read_write'][number % 3];
        const networks = number % 4 ? [] : [`10.0.${number % 250}.0/24`];
        await server.call('POST', '/keys', { name: `Key ${number}`, channel: 's3', scope: { storage: storage.id }, permission, networks });
      });
      return server;
    });
  }

  // A server that may reach another one of ours, `server.provider`, which has a bucket with files in it: `server.bucket`.
  outside() {
    return this.#server('outside', async () => {
      const [server, provider] = await Promise.all([Server.start({ settings: ['--allow-private-endpoints', '127.0.0.0/8'] }), Server.start()]);
      Object.assign(server, { provider, bucket: await bucketWithFiles(provider) });
      return server;
    });
  }

  // A server with users, groups, shares and sites.
  tenants() {
    return this.#server('tenants', tenants);
  }

  // The same, where the admin acts in a site below.
  acting() {
    return this.#server('acting', acting);
  }

  // A server with links of every kind.
  shared() {
    return this.#server('shared', shared);
  }

  // A server with plans, runs and jobs in every state.
  synced() {
    return this.#server('synced', synced);
  }

  // A visitor of the server; signed in as admin unless the options say otherwise.
  async visit(server, options, use) {
    const cookie = options.signedOut ? undefined : server.cookie();
    return visit(options.browser ?? this.browser, server, { ...options, cookie }, use);
  }

  async end() {
    await this.browser.close();
    for (const server of this.#servers.values()) {
      const started = await server.catch(() => null);
      await started?.stop();
      await started?.provider?.stop();
    }
  }
}
