// An authenticator app.
import { createHmac } from 'node:crypto';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

// The code that an app shows into which this key was typed: RFC 6238, six digits, 30 seconds.
export function codeOf(key, steps = 0) {
  const bits = [...key.replaceAll(/\s/g, '')].map((letter) => LETTERS.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const seed = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const digest = createHmac('sha1', seed).update(counter).digest();
  const offset = digest.at(-1) & 15;
  return String((digest.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

// Sets an app up for the admin of a server, by REST; the key in it. The code of the step before is used up, so that the present one is not.
export async function setUpApp(server) {
  const { secret, state } = await server.call('POST', '/me/totp');
  await server.call('POST', '/me/totp/confirm', { state, code: codeOf(secret, -1) });
  return secret;
}
