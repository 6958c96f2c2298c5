/**
 * The forms of ARNs and of the names that go with them. Of a part that only CloudFormation knows (a stack without
 * account or region), any value is right.
 */

import type { Environment } from './shape';
import { LIMITS } from '../schema.generated';
import { quoted } from './texts';

/** What is wrong with a text, or nothing. */
export type Problem = string | undefined;

interface Arn {
  readonly partition: string;
  readonly service: string;
  readonly region: string;
  readonly account: string;
  readonly resource: string;
}

const ECS_NAME = /^[A-Za-z0-9_-]+$/;
/** ECS's rule for families. */
const FAMILY_LENGTH_MAX = 255;
/** AWS: <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html> */
const PARAMETER_NAME_LENGTH_MAX = 2048;
/** AWS: <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html> */
const SECRET_NAME_LENGTH_MAX = 512;
/** Revisions are 32-bit numbers. */
const REVISION_MAX = 2 ** 32 - 1;

function parse(text: string): Arn | undefined {
  const [prefix, partition, service, region, account, ...rest] = text.split(':');
  const resource = rest.join(':');
  if (prefix !== 'arn' || account === undefined || resource === '') {
    return undefined;
  }
  return { partition: partition!, service: service!, region: region!, account, resource };
}

function fits(found: string, known: string | undefined): boolean {
  return known === undefined || found === known;
}

function isLocal(arn: Arn, service: string, { partition, region, account }: Environment): boolean {
  return arn.service === service && fits(arn.partition, partition) && fits(arn.region, region) && fits(arn.account, account);
}

/** A prefix of ARNs of the stack's account and region. */
function local(service: string, { partition, region, account }: Environment): string {
  return `arn:${partition ?? '<partition>'}:${service}:${region ?? '<region>'}:${account ?? '<account>'}`;
}

/** A role of the stack's account: one of another cannot be passed to a service. */
export function role(text: string, environment: Environment): Problem {
  const { partition, account } = environment;
  const expected = `\`arn:${partition ?? '<partition>'}:iam::${account ?? '<account>'}:role/<name>\``;
  const arn = parse(text);
  // AWS: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html>
  const isRole =
    arn?.service === 'iam' &&
    arn.region === '' &&
    fits(arn.partition, partition) &&
    /^role\/([!-~]{0,510}\/)?[A-Za-z0-9_+=,.@-]{1,64}$/.test(arn.resource);
  if (!isRole) {
    return `${quoted(text)} is not the ARN of a role, expected ${expected}`;
  }
  if (!fits(arn.account, account)) {
    return `${quoted(text)} is a role of another account, which cannot be passed to a service; expected ${expected}`;
  }
  return undefined;
}

/** The name of a cluster, from its name or its ARN. */
export function clusterName(text: string): string {
  return text.startsWith('arn:') ? text.slice(text.indexOf('cluster/') + 'cluster/'.length) : text;
}

export function cluster(text: string, environment: Environment): Problem {
  if (text.startsWith('arn:')) {
    const arn = parse(text);
    if (arn === undefined || !isLocal(arn, 'ecs', environment) || !arn.resource.startsWith('cluster/')) {
      const expected = `${local('ecs', environment)}:cluster/<name>`;
      return `${quoted(text)} is not a cluster of this account and region, expected a name or \`${expected}\``;
    }
  }
  const name = clusterName(text);
  if (isEcsName(name, LIMITS.CLUSTER_NAME_LENGTH_MAX)) {
    return undefined;
  }
  return (
    `${quoted(name)} is not the name of a cluster, expected up to ${LIMITS.CLUSTER_NAME_LENGTH_MAX} letters, ` +
    'digits, hyphens and underscores'
  );
}

/** A Lambda function of the stack's region, with or without a qualifier. */
export function lambdaFunction(text: string, { partition, region }: Environment): Problem {
  const arn = parse(text);
  const [, name, qualifier] = /^function:([^:]*)(?::(.*))?$/.exec(arn?.resource ?? '') ?? [];
  const isFunction =
    arn?.service === 'lambda' &&
    fits(arn.partition, partition) &&
    fits(arn.region, region) &&
    /^[0-9]{12}$/.test(arn.account) &&
    isEcsName(name ?? '', LIMITS.FUNCTION_NAME_LENGTH_MAX) &&
    (qualifier === '$LATEST' || isEcsName(qualifier ?? '1', LIMITS.FUNCTION_QUALIFIER_LENGTH_MAX));
  const expected = `arn:${partition ?? '<partition>'}:lambda:${region ?? '<region>'}:<account>:function:<name>`;
  return isFunction
    ? undefined
    : `${quoted(text)} is not the ARN of a function of this region, expected \`${expected}\``;
}

/** A task definition of the stack's account and region, with or without a revision. */
export function taskDefinition(text: string, environment: Environment): Problem {
  const arn = parse(text);
  const [, family, revision] = /^task-definition\/([^:]*)(?::(.*))?$/.exec(arn?.resource ?? '') ?? [];
  const isRevision = /^\+?\d+$/.test(revision ?? '1') && Number(revision ?? '1') > 0 && Number(revision ?? '1') <= REVISION_MAX;
  if (arn !== undefined && isLocal(arn, 'ecs', environment) && isEcsName(family ?? '', FAMILY_LENGTH_MAX) && isRevision) {
    return undefined;
  }
  const expected = `${local('ecs', environment)}:task-definition/<family>:<revision>`;
  return `${quoted(text)} is not the ARN of a task definition of this account and region, expected \`${expected}\``;
}

/** Where ECS finds a secret. The message does not repeat the text: it may be the secret itself, in the wrong place. */
export function secretSource(text: string, { partition }: Environment): Problem {
  const arn = parse(text);
  const isResource =
    (arn?.service === 'secretsmanager' && arn.resource.startsWith('secret:')) ||
    (arn?.service === 'ssm' && arn.resource.startsWith('parameter/'));
  const isSource = text.startsWith('arn:')
    ? arn !== undefined && fits(arn.partition, partition) && isResource
    : text.length <= PARAMETER_NAME_LENGTH_MAX && /^[A-Za-z0-9_.\-/]*$/.test(text);
  const prefix = `arn:${partition ?? '<partition>'}`;
  return isSource
    ? undefined
    : `expected the ARN of a secret (\`${prefix}:secretsmanager:…:secret:…\`) or of a parameter ` +
        `(\`${prefix}:ssm:…:parameter/…\`), or the name of a parameter`;
}

/** The secret with a registry's credentials. The message does not repeat the text. */
export function registrySecret(text: string, { partition }: Environment): Problem {
  const arn = parse(text);
  const isSecret = text.startsWith('arn:')
    ? arn?.service === 'secretsmanager' && fits(arn.partition, partition) && arn.resource.startsWith('secret:')
    : text.length <= SECRET_NAME_LENGTH_MAX && /^[A-Za-z0-9/_+=.@-]*$/.test(text);
  const prefix = `arn:${partition ?? '<partition>'}`;
  return isSecret ? undefined : `expected the ARN of a secret (\`${prefix}:secretsmanager:…:secret:…\`) or its name`;
}

/** The old and the new form of EC2's ids. */
export function ec2Id(text: string, prefix: string): Problem {
  return new RegExp(`^${prefix}-([0-9a-f]{8}|[0-9a-f]{17})$`).test(text)
    ? undefined
    : `${quoted(text)} is not an id of the form \`${prefix}-0123456789abcdef0\``;
}

export function isEcsName(text: string, lengthMax: number): boolean {
  return text.length <= lengthMax && ECS_NAME.test(text);
}
