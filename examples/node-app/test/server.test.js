'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { execFileSync } = require('node:child_process');
const { once } = require('node:events');
const { test } = require('node:test');
const http = require('node:http');
const { server } = require('../lib/server.js');

function get(port, path, method = 'GET') {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, path, method }, (response) => {
      let body = '';
      response.on('data', (chunk) => { body += chunk; });
      response.on('end', () => resolve({ status: response.statusCode, body }));
    });
    request.on('error', reject);
    request.end();
  });
}

test('greets over loopback', async () => {
  const s = server().listen(0, '127.0.0.1');
  await once(s, 'listening');
  const { port } = s.address();
  assert.deepStrictEqual(await get(port, '/Ada'), { status: 200, body: 'Hello, Ada.' });
  assert.deepStrictEqual(await get(port, '/'), { status: 200, body: 'Hello, world.' });
  assert.strictEqual((await get(port, '/', 'POST')).status, 405);
  s.close();
});

test('writes and reads a temporary file', () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'node-app-'));
  const file = path.join(dir, 'note');
  fs.writeFileSync(file, 'kept');
  assert.strictEqual(fs.readFileSync(file, 'utf8'), 'kept');
  fs.rmSync(dir, { recursive: true });
});

test('starts a child process', () => {
  assert.strictEqual(execFileSync(process.execPath, ['-p', '6 * 7'], { encoding: 'utf8' }), '42\n');
});
