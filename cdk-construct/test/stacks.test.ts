/** Snapshots of whole stacks. After an intended change: `UPDATE_SNAPSHOTS=1 npm test`, and read the difference. */

import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import * as cdk from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks } from 'cdk-nag';
import { FOLDER, stack } from './setting';
import { Acknowledgement, SAMPLES } from './stacks';

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

/** What cdk-nag finds that is not acknowledged. */
function findings(build: (stack: cdk.Stack) => void, acknowledged: readonly Acknowledgement[]): string[] {
  const app = new cdk.App({ outdir: fs.mkdtempSync(path.join(FOLDER, 'build', 'nag-')) });
  cdk.Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  const of = new cdk.Stack(app, 'Test');
  build(of);
  acknowledged.forEach((finding) => cdk.Validations.of(of).acknowledge(finding));
  try {
    app.synth();
  } catch (error) {
    assert.equal((error as Error).name, 'ValidationFailed', String(error));
  }
  const { pluginReports } = JSON.parse(fs.readFileSync(path.join(app.outdir, 'validation-report.json'), 'utf8'));
  const violations = pluginReports.flatMap((report: any) => report.violations);
  return violations.map(({ ruleName }: any) => ruleName).sort();
}

for (const [name, { build, acknowledged }] of Object.entries(SAMPLES)) {
  test(`cdk-nag finds in ${name} what is explained, and nothing else`, () => {
    assert.deepEqual(findings(build, []), acknowledged.map(({ id }) => id).sort());
    assert.deepEqual(findings(build, acknowledged), []);
  });
}
