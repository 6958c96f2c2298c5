/** What tests start from. */

import * as fs from 'node:fs';
import * as path from 'node:path';
import * as cdk from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';

/** The construct's folder; tests run from `build`. */
export const FOLDER = path.join(__dirname, '..');
export const ROOT = path.join(FOLDER, '..');
/** As in the tests of provider-schema. */
export const ENVIRONMENT = { account: '123456789012', region: 'us-east-1', partition: 'aws' };

/** A stack in the account and region of the provider's samples. */
export function stackInAccount(): cdk.Stack {
  const { account, region } = ENVIRONMENT;
  return new cdk.Stack(new cdk.App(), 'Test', { env: { account, region } });
}

/** A stack that may be deployed anywhere. */
export function stack(): cdk.Stack {
  return new cdk.Stack(new cdk.App(), 'Test');
}

/** The properties of the only service of a stack. */
export function properties(of: cdk.Stack): Record<string, any> {
  const services = Object.values(Template.fromStack(of).findResources('Custom::ExpressService'));
  if (services.length !== 1) {
    throw new Error(`there are ${services.length} services`);
  }
  return services[0]!.Properties;
}

/** The only resource of a type: its logical id and its definition. */
export function only(of: cdk.Stack, type: string): [string, any] {
  const found = Object.entries(Template.fromStack(of).findResources(type));
  if (found.length !== 1) {
    throw new Error(`there are ${found.length} resources of type ${type}`);
  }
  return found[0]!;
}

/** Samples of provider-schema: name, request, and the lines that refuse it. */
export function samples(kind: 'valid' | 'invalid'): Array<{ name: string; request: any; problems: string[] }> {
  const folder = path.join(ROOT, 'provider-schema', 'fixtures', kind);
  const names = fs.readdirSync(folder).filter((name) => name.endsWith('.json') && !name.endsWith('.parsed.json'));
  if (names.length === 0) {
    throw new Error(`no samples in ${folder}`);
  }
  return names.map((name) => {
    const text = (file: string) => fs.readFileSync(path.join(folder, file), 'utf8');
    const problems = kind === 'valid' ? [] : text(name.replace(/json$/, 'txt')).trimEnd().split('\n');
    return { name, request: JSON.parse(text(name)), problems };
  });
}
