/** The provider's template, for one set of circumstances: its conditions decided, and what they leave out left out. */

import * as fs from 'fs';
import * as os from 'os';
import * as path from 'path';
import * as cfn_inc from 'aws-cdk-lib/cloudformation-include';
import { Construct } from 'constructs';

/** Whether each of the template's conditions holds. */
export type Conditions = Readonly<Record<string, boolean>>;

const NO_VALUE = 'AWS::NoValue';

/**
 * Includes `provider.json`, which the build makes from the project's template.
 *
 * Conditions and rules may refer to parameters only, so they could not see a hosted zone or certificate of the same
 * app. What they ask for is known here, and they are gone from what is included.
 */
export function include(
  scope: Construct,
  id: string,
  conditions: Conditions,
  parameters: Record<string, unknown>,
): cfn_inc.CfnInclude {
  const template = JSON.parse(fs.readFileSync(path.join(__dirname, 'provider.json'), 'utf8'));
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'express-provider-'));
  try {
    const templateFile = path.join(folder, 'provider.json');
    fs.writeFileSync(templateFile, JSON.stringify(decided(template, conditions)));
    // An app may have resources with the same names in this stack.
    return new cfn_inc.CfnInclude(scope, id, { templateFile, parameters, preserveLogicalIds: false });
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

function decided(template: any, conditions: Conditions): any {
  const { Conditions: _conditions, Rules: _rules, Metadata: _metadata, ...rest } = template;
  const resources: Record<string, any> = {};
  for (const [name, resource] of Object.entries<any>(rest.Resources)) {
    const { Condition: condition, ...unconditional } = resource;
    if (condition === undefined || holds(condition, conditions)) {
      resources[name] = fold(unconditional, conditions);
    }
  }
  for (const resource of Object.values(resources)) {
    if (resource.DependsOn !== undefined) {
      resource.DependsOn = [resource.DependsOn].flat().filter((name: string) => name in resources);
    }
  }
  return { ...fold(rest, conditions), Resources: resources };
}

/** The value without `Fn::If`. */
function fold(value: any, conditions: Conditions): any {
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  if (Array.isArray(value)) {
    return value.map((item) => fold(item, conditions)).filter((item) => !isNoValue(item));
  }
  const branches = value['Fn::If'];
  if (branches !== undefined) {
    const [condition, then, otherwise] = branches;
    return fold(holds(condition, conditions) ? then : otherwise, conditions);
  }
  const members = Object.entries(value).map(([name, member]) => [name, fold(member, conditions)] as const);
  return Object.fromEntries(members.filter(([, member]) => !isNoValue(member)));
}

function isNoValue(value: any): boolean {
  return typeof value === 'object' && value !== null && value.Ref === NO_VALUE;
}

function holds(condition: string, conditions: Conditions): boolean {
  const held = conditions[condition];
  if (held === undefined) {
    throw new Error(`nothing is said of the condition \`${condition}\` of the provider's template`);
  }
  return held;
}
