import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';

test('it is compiled against the lowest versions that apps may have', () => {
  const { peerDependencies, devDependencies } = JSON.parse(fs.readFileSync(path.join(__dirname, '..', 'package.json'), 'utf8'));
  for (const [name, range] of Object.entries<string>(peerDependencies)) {
    assert.equal(`^${devDependencies[name]}`, range, name);
  }
});
