// Signing in at an identity provider that is another site: which cookies come along is the browser's decision.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { CLIENT, Provider } from '../harness/identity.mjs';
import { Server } from '../harness/server.mjs';

// A server that knows a provider, and the provider.
async function pair(use) {
  const provider = await Provider.start();
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'portcullis-identity-'));
  const [config, secret] = ['portcullis.toml', 'secret'].map((name) => path.join(dir, name));
  fs.writeFileSync(secret, CLIENT.secret);
  fs.writeFileSync(config, `[oidc]\nissuer = "${provider.issuer}"\nclient_id = "${CLIENT.id}"\nclient_secret_file = "${secret}"\nname = "Example"\ngroups_claim = "groups"\nadmin_group = "admins"\ncreate_users = true\n`);
  try {
    const server = await Server.start({ settings: ['--config', config] });
    try {
      return await use(server, provider);
    } finally {
      await server.stop();
    }
  } finally {
    provider.stop();
    fs.rmSync(dir, { recursive: true });
  }
}

const at = (page) => new URL(page.url()).pathname;

// There and back, as far as the page that moves on by itself leads.
async function agree(page, server, where) {
  await page.waitForSelector('#agree');
  await page.click('#agree');
  await page.waitForURL(`${server.web}${where}`);
}

async function bothWays(world, js) {
  await pair(async (server, provider) => {
    await world.visit(server, { signedOut: true, js, elsewhere: provider.issuer }, async (page) => {
      provider.person.groups = ['admins'];
      await page.goto('/sign-in?next=/account/password');
      await page.click('#provider');
      await agree(page, server, '/account/password');
      assert.equal((await page.context().cookies(server.web)).find((cookie) => cookie.name === 'portcullis').sameSite, 'Strict');
      await page.goto('/connections');
      assert.equal(at(page), '/connections', 'an admin, by the group');
      // Confirming needs the session, which does not come along from there at first.
      await page.goto('/confirm?next=/account');
      await page.click('#provider');
      await agree(page, server, '/account');
    });
    await world.visit(server, { js, elsewhere: provider.issuer }, async (page) => {
      provider.person = { sub: 'admin-1', preferred_username: 'root', groups: ['admins'] };
      await page.goto('/account');
      await page.click('#identity button');
      await agree(page, server, '/account?done=identity_linked');
      assert.equal(await page.textContent('#identity button'), 'Unlink');
    });
    await world.visit(server, { signedOut: true, js, elsewhere: provider.issuer }, async (page) => {
      await page.goto('/sign-in?next=/account');
      await page.click('#provider');
      await agree(page, server, '/account');
      assert.equal((await page.textContent('#me dd')).trim(), 'admin');
    });
  });
}

export default {
  identity_signs_in_confirms_and_links: (world) => bothWays(world, true),
  identity_without_a_script: (world) => bothWays(world, false),
};
