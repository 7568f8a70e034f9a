// Second factors: an app whose codes are computed here, and passkeys of Chromium's virtual authenticator.
import assert from 'node:assert/strict';
import { codeOf } from '../harness/app.mjs';
import { PASSWORD, Server } from '../harness/server.mjs';

const at = (page) => new URL(page.url()).pathname;
const press = (page, button) => Promise.all([page.waitForEvent('load'), page.click(button)]);

async function byPassword(page) {
  await page.fill('#username', 'admin');
  await page.fill('#password', PASSWORD);
  await press(page, 'button.primary');
}

// A telephone with a fingerprint reader, plugged into this page.
async function plugIn(page) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('WebAuthn.enable');
  const options = { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true };
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', { options });
  return {
    credentials: async () => (await cdp.send('WebAuthn.getCredentials', { authenticatorId })).credentials,
    verified: (isUserVerified) => cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified }),
  };
}

export default {
  async an_app_is_set_up_and_its_code_signs_in(world) {
    const server = await Server.start();
    try {
      await world.visit(server, {}, async (page) => {
        await page.goto('/account/second-factor');
        await press(page, '#app button');
        const key = await page.textContent('#v-seed');
        const [qr, code] = [page.locator('#qr'), page.locator('#f-code')];
        assert.equal((await qr.boundingBox()).width, 232);
        await code.fill(codeOf(key, -1));
        await press(page, '#totp button.primary');
        const codes = (await page.textContent('#codes')).trim().split(/\s+/);
        assert.equal(codes.length, 10);
        await press(page, '.section footer a');
        assert.equal(at(page), '/account/second-factor');
        await page.context().clearCookies();
        await page.goto('/sign-in?next=/account');
        await byPassword(page);
        assert.equal(await page.textContent('h1'), 'Second factor');
        await page.fill('#code', '000000');
        await press(page, 'button.primary');
        assert.equal(await page.getByRole('alert').first().isVisible(), true);
        await page.fill('#code', codeOf(key));
        await press(page, 'button.primary');
        assert.equal(at(page), '/account');
        await page.context().clearCookies();
        await page.goto('/sign-in');
        await byPassword(page);
        await page.fill('#code', codes[0]);
        await press(page, 'button.primary');
        assert.equal(at(page), '/connections');
      });
    } finally {
      await server.stop();
    }
  },

  async a_passkey_is_added_signs_in_and_confirms(world) {
    const server = await Server.start();
    // Browsers have passkeys at names only.
    const local = { web: server.web.replace('127.0.0.1', 'localhost') };
    try {
      await world.visit(local, { signedOut: true }, async (page) => {
        await page.goto('/sign-in');
        const device = await plugIn(page);
        await byPassword(page);
        await page.goto('/account/second-factor');
        await page.fill('#f-name', 'Telephone');
        // Somebody whom the device does not know.
        await device.verified(false);
        await page.click('#new-passkey button');
        await page.waitForFunction(() => document.querySelector('#new-passkey [role=alert]').textContent !== '');
        await device.verified(true);
        await press(page, '#new-passkey button');
        assert.equal(await page.textContent('h1'), 'Recovery codes');
        assert.equal((await device.credentials()).length, 1);
        await page.goto('/account/second-factor');
        assert.equal(await page.textContent('#passkeys h3'), 'Telephone');

        await page.click('[popovertarget=account]');
        await press(page, 'form[action="/sign-out"] button');
        await page.goto('/sign-in?next=/account');
        await press(page, 'button[data-passkey]');
        assert.equal(at(page), '/account');
        assert.match(await page.textContent('#sessions'), /Second factor/);

        await page.goto('/confirm?next=/account/second-factor');
        await press(page, 'button[data-passkey]');
        assert.equal(at(page), '/account/second-factor');
        assert.equal((await device.credentials())[0].signCount, 3, 'made, signed in with, confirmed with');
      });
    } finally {
      await server.stop();
    }
  },

  async without_a_script_there_is_no_passkey_button(world) {
    const server = await world.empty();
    const local = { web: server.web.replace('127.0.0.1', 'localhost') };
    await world.visit(local, { signedOut: true, js: false }, async (page) => {
      await page.goto('/sign-in');
      assert.equal(await page.locator('button[data-passkey]').isVisible(), false);
    });
    await world.visit(server, { signedOut: true }, async (page) => {
      await page.goto('/sign-in');
      assert.equal(await page.locator('button[data-passkey]').count(), 0, 'nor at an address that is a number');
    });
  },
};
