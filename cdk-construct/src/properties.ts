/**
 * The way of properties from TypeScript to the template: names as templates have them, and the provider's rules asked
 * while the app is synthesized, so that a mistake costs seconds and no deployment.
 */

import * as cdk from 'aws-cdk-lib';
import * as region_info from 'aws-cdk-lib/region-info';
import { IConstruct } from 'constructs';
import { PROPERTIES } from './schema.generated';
import { problemsOf } from './validation/problems';
import { isUnknown } from './validation/shape';
import type { Environment, Shape } from './validation/shape';

/** The same properties under their names in templates. What has them already stays as it is. */
export function asTemplate(value: any, shape: Shape = PROPERTIES): any {
  if (isUnknown(value) || typeof value !== 'object' || value === null) {
    return value;
  }
  const { items, members } = shape;
  if (Array.isArray(value)) {
    return items === undefined ? value : value.map((item) => asTemplate(item, items));
  }
  if (members === undefined) {
    return value;
  }
  const renamed: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    const inTemplate = name.charAt(0).toUpperCase() + name.slice(1);
    if (member !== undefined) {
      const known = members[inTemplate];
      renamed[inTemplate] = known === undefined ? member : asTemplate(member, known);
    }
  }
  return renamed;
}

/** Account, region and partition of the construct's stack. */
export function environmentOf(construct: IConstruct): Environment {
  const { account, region } = cdk.Stack.of(construct);
  const known = (text: string) => (cdk.Token.isUnresolved(text) ? undefined : text);
  const knownRegion = known(region);
  return {
    account: known(account),
    region: knownRegion,
    partition: knownRegion === undefined ? undefined : region_info.RegionInfo.get(knownRegion).partition,
  };
}

/** Throws an error that names every problem, in the provider's words. */
export function check(path: string, properties: unknown, environment: Environment): void {
  const problems = problemsOf(properties, environment);
  if (problems.length > 0) {
    throw new Error([`${path} has properties that the provider would refuse:`, ...problems].join('\n  '));
  }
}
