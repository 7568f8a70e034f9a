// A real server of our own: started on free loopback ports with an empty data directory, ended with the test.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { binaryPath } from './tools.mjs';

export const PASSWORD = 'correct horse battery staple';
const PATIENCE = 60_000;
const running = new Set();

process.on('exit', () => {
  for (const server of running) server.kill();
});

export class Server {
  #child;
  #token;
  output = '';

  // Without a password the server makes one up and prints it, as at any first start.
  static async start({ password = PASSWORD, settings = [] } = {}) {
    const server = new Server();
    server.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'portcullis-browser-'));
    const data = path.join(server.dir, 'data');
    const doors = ['--ftp', '127.0.0.1:0', '--allow-plaintext-ftp', '--sftp', '127.0.0.1:0'];
    const args = ['serve', '--web', '127.0.0.1:0', '--s3', '127.0.0.1:0', ...doors, '--data-dir', data, ...settings];
    const env = { PATH: process.env.PATH, HOME: server.dir };
    if (password) env.PORTCULLIS_ADMIN_PASSWORD = password;
    server.#child = spawn(binaryPath(), args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(server);
    await server.#ready();
    const { web, s3 } = JSON.parse(fs.readFileSync(path.join(data, 'endpoints.json'), 'utf8'));
    Object.assign(server, { web, s3, password: password ?? server.printed().password });
    server.#token = await server.signIn('admin', server.password);
    return server;
  }

  async #ready() {
    const child = this.#child;
    await new Promise((resolve, reject) => {
      const fail = (why) => reject(new Error(`the server did not start (${why}):\n${this.output}`));
      const timer = setTimeout(() => fail('no answer for a minute'), PATIENCE);
      const read = (chunk) => {
        this.output += chunk;
        if (/\bready\b.*web=/.test(this.output)) {
          clearTimeout(timer);
          resolve();
        }
      };
      child.stdout.setEncoding('utf8').on('data', read);
      child.stderr.setEncoding('utf8').on('data', read);
      child.once('exit', (code) => fail(`exit code ${code}`));
      child.once('error', (error) => fail(error.message));
    });
  }

  // What a person reads in the terminal after the first start.
  printed() {
    const web = this.output.match(/http:\/\/127\.0\.0\.1:\d+/)?.[0] ?? `http://${this.output.match(/web=(\S+)/)[1]}`;
    const password = this.output.match(/password[^\n]*\n+\s+(\S+)\n/)?.[1];
    return { web, password };
  }

  kill() {
    this.#child.kill('SIGKILL');
    fs.rmSync(this.dir, { recursive: true, force: true });
    running.delete(this);
  }

  async stop() {
    if (this.#child.exitCode === null) {
      const ended = once(this.#child, 'exit');
      this.#child.kill('SIGTERM');
      const timer = setTimeout(() => this.#child.kill('SIGKILL'), 20_000);
      await ended;
      clearTimeout(timer);
    }
    fs.rmSync(this.dir, { recursive: true, force: true });
    running.delete(this);
  }

  // The token of a new session.
  async signIn(username, password) {
    const answer = await this.call('POST', '/sessions', { username, password }, null);
    return answer.token;
  }

  // One REST call as admin that has to succeed; its JSON.
  async call(method, where, body, token = this.#token) {
    const headers = token ? { authorization: `Bearer ${token}` } : {};
    if (body !== undefined) headers['content-type'] = 'application/json';
    const answer = await fetch(`${this.web}/api/v1${where}`, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${where}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }

  async put(storage, file, bytes) {
    const headers = { authorization: `Bearer ${this.#token}`, 'content-type': 'application/octet-stream' };
    const at = encodeURIComponent(file);
    const answer = await fetch(`${this.web}/api/v1/storages/${storage}/file?key=${at}`, { method: 'PUT', headers, body: bytes });
    if (!answer.ok) throw new Error(`PUT ${file}: ${answer.status} ${await answer.text()}`);
    await answer.arrayBuffer();
  }

  async remove(storage, file) {
    const headers = { authorization: `Bearer ${this.#token}` };
    const answer = await fetch(`${this.web}/api/v1/storages/${storage}/file?key=${encodeURIComponent(file)}`, { method: 'DELETE', headers });
    if (!answer.ok) throw new Error(`DELETE ${file}: ${answer.status} ${await answer.text()}`);
  }

  // A page as a program gets it: status, headers, HTML.
  async page(where, token = this.#token) {
    const headers = { accept: 'text/html', ...(token && { cookie: `portcullis=${token}` }) };
    const answer = await fetch(new URL(where, this.web), { headers, redirect: 'manual' });
    return { status: answer.status, headers: answer.headers, html: await answer.text() };
  }

  // A session for a browser that does not have to type a password; the same one each time.
  cookie() {
    return { name: 'portcullis', value: this.#token, url: this.web, httpOnly: true, sameSite: 'Strict' };
  }
}
