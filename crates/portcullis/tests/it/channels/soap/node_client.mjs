// What the package `soap` makes of the description: both versions, three ways to say who one is, bytes in the envelope and beside it.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

const given = JSON.parse(await readFile(process.argv[2], 'utf8'));
const soap = createRequire(given.modules)('soap');
const address = `${given.web}/soap?wsdl`;
const bytes = Buffer.concat([Buffer.from(Array.from({ length: 70_000 }, (_, at) => at % 251)), Buffer.from('\r\n--\r\n')]);

async function client(permission, way, more = {}) {
  const made = await soap.createClientAsync(address, more);
  const [user, secret] = given[permission];
  made.setSecurity({
    basic: () => new soap.BasicAuthSecurity(user, secret),
    text: () => new soap.WSSecurity(user, secret, { passwordType: 'PasswordText' }),
    digest: () => new soap.WSSecurity(user, secret, { passwordType: 'PasswordDigest', hasNonce: true }),
  }[way]());
  return made;
}

async function refused(code, call) {
  const fault = await call.then(
    (answer) => assert.fail(`not refused: ${JSON.stringify(answer)}`),
    (fault) => fault,
  );
  const inner = fault.root?.Envelope?.Body?.Fault ?? assert.fail(fault);
  const detail = inner.detail ?? inner.Detail;
  assert.equal(detail.FileFault.code, code);
}

for (const forceSoap12Headers of [false, true]) {
  for (const way of ['basic', 'text', 'digest']) {
    const files = await client('read_write', way, { forceSoap12Headers });
    const path = `node/${way}-${forceSoap12Headers}/ä & b.bin`;
    const [put] = await files.PutFileAsync({ path, length: bytes.length, content: bytes.toString('base64') });
    assert.equal(Number(put.entry.size), bytes.length);
    const [got] = await files.GetFileAsync({ path });
    assert.ok(Buffer.from(got.content, 'base64').equals(bytes));
    const [listed] = await files.ListFolderAsync({ path: `node/${way}-${forceSoap12Headers}` });
    assert.deepEqual(listed.entry.map((entry) => entry.name), ['ä & b.bin']);

    // The same beside the envelope.
    const beside = `node/${way}-${forceSoap12Headers}/beside.bin`;
    const include = { 'xop:Include': { attributes: { 'xmlns:xop': 'http://www.w3.org/2004/08/xop/include', href: 'cid:the%20bytes@node' } } };
    const attachments = [{ mimetype: 'application/octet-stream', contentId: 'the bytes@node', name: 'beside.bin', body: bytes }];
    await files.PutFileAsync({ path: beside, content: include }, { attachments });
    const reading = await client('read', way, { forceSoap12Headers, parseReponseAttachments: true, encoding: 'latin1' });
    await reading.GetFileAsync({ path: beside }, { forceMTOM: true });
    const { parts } = reading.lastResponseAttachments;
    assert.equal(parts.length, 1);
    assert.equal(createHash('sha256').update(parts[0].body).digest('hex'), createHash('sha256').update(bytes).digest('hex'));

    await files.MoveAsync({ path: beside, to: `${beside}.moved` });
    await refused('NotFound', files.StatAsync({ path: beside }));
    await files.DeleteAsync({ path: `${beside}.moved` });
    const reader = await client('read', way, { forceSoap12Headers });
    await refused('AccessDenied', reader.PutFileAsync({ path, content: '' }));
    const writer = await client('write', way, { forceSoap12Headers });
    await writer.PutFileAsync({ path: `node/${way}-${forceSoap12Headers}/dropped`, content: 'AAEC' });
    await refused('AccessDenied', writer.GetFileAsync({ path }));
  }
}
const stranger = await client('stranger', 'digest');
await refused('AuthenticationFailed', stranger.StatAsync({ path: 'node' }));
