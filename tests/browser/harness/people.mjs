// A server with people: users in every state, groups, shares, and sites below one another.
import { Server } from './server.mjs';
import { LONG, MARKUP, RIGHT_TO_LEFT } from './seed.mjs';

export const OWN = 'seven green bottles hanging';

// By name: users, groups, storages, sites; ids.
export async function tenants() {
  const server = await Server.start();
  const storage = async (name) => (await server.call('POST', '/storages', { name, provider: 'builtin' })).id;
  const user = async (username, role, more = {}) => (await server.call('POST', '/users', { username, role, ...more })).user.id;
  const group = async (name) => (await server.call('POST', '/groups', { name })).id;
  const site = async (name, parent) => (await server.call('POST', '/sites', { name, parent })).id;
  const storages = { photos: await storage('Photo archive'), invoices: await storage('Invoices') };
  const users = {
    carla: await user('carla', 'member', { password: OWN }),
    dora: await user('dora', 'admin'),
    emil: await user('emil', 'member', { password: OWN }),
    long: await user(`${'a.very.long.name.'.repeat(3)}@example.org`, 'member'),
  };
  await server.call('PATCH', `/users/${users.emil}`, { state: 'disabled' });
  await server.signIn('carla', OWN);
  const groups = { editors: await group('Editors'), long: await group(LONG), markup: await group(MARKUP), rtl: await group(RIGHT_TO_LEFT) };
  for (const id of Object.values(groups)) await server.call('PUT', `/groups/${id}/members/${users.carla}`);
  await server.call('PUT', `/groups/${groups.editors}/members/${users.emil}`);
  const grant = (given) => server.call('POST', '/grants', given);
  await grant({ storage: storages.photos, user: users.carla, prefix: '2027/spring/', permission: 'read' });
  await grant({ storage: storages.photos, group: groups.editors, permission: 'read_write' });
  await grant({ storage: storages.photos, group: groups.long, prefix: `${'deep/'.repeat(40)}`, permission: 'write' });
  const key = async (given) => (await server.call('POST', '/keys', { channel: 'rest', permission: 'read', ...given })).key.id;
  await server.call('POST', '/keys', { name: 'Photo desk', channel: 's3', scope: { user: users.carla }, permission: 'read_write' });
  const keys = {
    robot: await key({ name: 'Robot', scope: 'site', permission: 'full', expires_at: '2099-01-01T00:00:00Z' }),
    long: await key({ name: LONG, scope: { user: users.long }, networks: [{ network: '203.0.113.0/24', note: MARKUP }] }),
    rtl: await key({ name: RIGHT_TO_LEFT, scope: { user: users.carla }, permission: 'none' }),
  };
  const agency = await site('Agency');
  const sites = { agency, north: await site('North', agency), deep: await site(LONG, agency), rtl: await site(RIGHT_TO_LEFT) };
  // So that the page of rules of a site below shows what is inherited.
  await server.call('PATCH', `/sites/${agency}`, { rules: { keys_need_networks: true, longest_key_days: 90 } });
  return Object.assign(server, { users, groups, storages, sites, keys });
}

// The same with the admin acting two sites below their own.
export async function acting() {
  const server = await tenants();
  await server.call('PUT', '/sessions/current/site', { site: server.sites.north });
  return server;
}
