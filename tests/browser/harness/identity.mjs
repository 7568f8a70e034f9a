// An identity provider of our own, at another site than the panel: localhost is not the site of 127.0.0.1.
import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';

export const CLIENT = { id: 'gate', secret: 'client secret of the tests' };

const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

export class Provider {
  #keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  #codes = new Map();
  // Whom it vouches for, and with which claims besides.
  person = { sub: 'ada-1', preferred_username: 'ada', groups: [] };

  static async start() {
    const provider = new Provider();
    provider.server = http.createServer((request, response) => provider.#answer(request, response));
    provider.server.listen(0, 'localhost');
    await once(provider.server, 'listening');
    provider.issuer = `http://localhost:${provider.server.address().port}`;
    return provider;
  }

  async #answer(request, response) {
    const { pathname, searchParams } = new URL(request.url, this.issuer);
    const json = (value) => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    const at = (where) => `${this.issuer}/${where}`;
    if (pathname === '/.well-known/openid-configuration') return json({ issuer: this.issuer, authorization_endpoint: at('authorize'), token_endpoint: at('token'), jwks_uri: at('keys') });
    if (pathname === '/keys') return json({ keys: [{ ...this.#keys.publicKey.export({ format: 'jwk' }), kid: 'one', use: 'sig' }] });
    if (pathname === '/authorize') {
      const [code, state] = [randomUUID(), searchParams.get('state')];
      this.#codes.set(code, searchParams);
      const back = `${searchParams.get('redirect_uri')}?${new URLSearchParams({ code, state })}`;
      // A page with a link, as a person sees one: what follows is a visit from another site.
      return response.writeHead(200, { 'content-type': 'text/html' }).end(`<!DOCTYPE html><title>Provider</title><link rel="icon" href="data:,"><a id="agree" href="${back.replaceAll('&', '&amp;')}">Agree</a>`);
    }
    if (pathname === '/token') return json(await this.#tokens(request));
    return response.writeHead(404).end();
  }

  async #tokens(request) {
    const form = new URLSearchParams((await request.toArray()).join(''));
    const asked = this.#codes.get(form.get('code'));
    this.#codes.delete(form.get('code'));
    const challenge = createHash('sha256').update(form.get('code_verifier')).digest('base64url');
    if (challenge !== asked?.get('code_challenge')) return {};
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: this.issuer, aud: CLIENT.id, iat: now, exp: now + 60, auth_time: now, nonce: asked.get('nonce'), ...this.person };
    const signed = `${part({ alg: 'ES256', kid: 'one' })}.${part(claims)}`;
    const signature = sign('sha256', Buffer.from(signed), { key: this.#keys.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url');
    return { access_token: 'token', token_type: 'Bearer', id_token: `${signed}.${signature}` };
  }

  stop() {
    this.server.close();
    this.server.closeAllConnections();
  }
}
