/** Snapshots of whole stacks. After an intended change: `UPDATE_SNAPSHOTS=1 npm test`, and read the difference. */

import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import * as cdk from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks } from 'cdk-nag';
import { FOLDER, stack } from './setting';
import { SAMPLES } from './stacks';

const SNAPSHOTS = path.join(FOLDER, 'test', 'snapshots');

for (const [name, { build }] of Object.entries(SAMPLES)) {
  test(`${name} is as in its snapshot`, () => {
    const of = stack();
    build(of);
    const text = `${JSON.stringify(Template.fromStack(of).toJSON(), undefined, 2)}\n`;
    const file = path.join(SNAPSHOTS, `${name}.json`);
    if (process.env.UPDATE_SNAPSHOTS !== undefined) {
      fs.mkdirSync(SNAPSHOTS, { recursive: true });
      fs.writeFileSync(file, text);
    }
    assert.equal(text, fs.readFileSync(file, 'utf8'));
  });
}

/** What cdk-nag finds. It is asked directly, since only newer versions of the CDK than the lowest hand it the constructs. */
function findings(build: (stack: cdk.Stack) => void): string[] {
  const app = new cdk.App({ outdir: fs.mkdtempSync(path.join(FOLDER, 'build', 'nag-')) });
  const of = new cdk.Stack(app, 'Test');
  build(of);
  app.synth();
  return new AwsSolutionsChecks(app).validateScope(of).violations.map(({ ruleName }) => ruleName).sort();
}

for (const [name, { build, acknowledged }] of Object.entries(SAMPLES)) {
  test(`cdk-nag finds in ${name} what is explained, and nothing else`, () => {
    assert.deepEqual(findings(build), acknowledged.map(({ id }) => id).sort());
  });
}
