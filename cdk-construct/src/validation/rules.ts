/**
 * Rules for one value: its text in, what is wrong with it out. Rules for what may be secret (environment variables,
 * credentials) do not repeat the text.
 */

import type { Environment, Shape } from './shape';
import { LIMITS } from '../schema.generated';
import * as arns from './arns';
import type { Problem } from './arns';
import * as fargate from './fargate';
import { quoted } from './texts';

/** A number without a maximum of its own is one of 32 bits. */
const NUMBER_MAX = 2 ** 32 - 1;
/** The most that a percentage can be. */
export const PERCENT_MAX = 100;

type Rule = (text: string, environment: Environment) => Problem;

/** The rules of texts and numbers that the schema does not have, by path; items of lists end in `[]`. */
const RULES: Readonly<Record<string, Rule>> = {
  ServiceTimeout: (text) => wholeNumber(text, 1, LIMITS.SERVICE_TIMEOUT_S_MAX),
  ServiceName: serviceName,
  Cluster: arns.cluster,
  InfrastructureRoleArn: arns.role,
  ExecutionRoleArn: arns.role,
  TaskRoleArn: arns.role,
  TaskDefinitionArn: arns.taskDefinition,
  Cpu: fargate.cpu,
  Memory: fargate.memory,
  HealthCheckPath: healthCheckPath,
  'PrimaryContainer.Image': image,
  'PrimaryContainer.AwsLogsConfiguration.LogGroup': logGroup,
  'PrimaryContainer.AwsLogsConfiguration.LogStreamPrefix': logStreamPrefix,
  'PrimaryContainer.RepositoryCredentials.CredentialsParameter': arns.registrySecret,
  'PrimaryContainer.Environment[].Name': variableName,
  'PrimaryContainer.Environment[].Value': variableValue,
  'PrimaryContainer.Secrets[].Name': variableName,
  'PrimaryContainer.Secrets[].ValueFrom': arns.secretSource,
  'NetworkConfiguration.SecurityGroups[]': (text) => arns.ec2Id(text, 'sg'),
  'NetworkConfiguration.Subnets[]': (text) => arns.ec2Id(text, 'subnet'),
  'Deployment.AlarmNames[]': alarmName,
  'Deployment.TestTraffic.HeaderName': headerName,
  'Deployment.TestTraffic.HeaderValue': headerValue,
  'Deployment.LifecycleHooks[].HookTargetArn': arns.lambdaFunction,
  'Deployment.LifecycleHooks[].RoleArn': arns.role,
  'Deployment.LifecycleHooks[].HookDetails': hookDetails,
  'Deployment.ForceDeployment': forceDeployment,
  'Tags[].Key': tagKey,
  'Tags[].Value': tagValue,
};

/** Of these, any text is right. */
export const FREE_TEXTS: readonly string[] = ['ServiceToken', 'PrimaryContainer.Command[]'];

/** Whether there is a rule of its own for what is at a path. */
export function hasRule(path: string): boolean {
  return path in RULES;
}

/** What is wrong with the text of a scalar. */
export function judge(text: string, path: string, shape: Shape, environment: Environment): Problem {
  const rule = RULES[path];
  if (rule !== undefined) {
    return rule(text, environment);
  }
  switch (shape.kind) {
    case 'choice':
      return choice(text, shape.choices ?? []);
    case 'boolean':
      return choice(text, ['true', 'false']);
    case 'percent':
      return percent(text, shape.min ?? 0, shape.max ?? PERCENT_MAX);
    case 'integer':
      return wholeNumber(text, shape.min ?? 0, shape.max);
    case 'text':
    case 'object':
    case 'list':
      return undefined;
  }
}

/** Decimal digits and nothing else: neither a sign, nor a fraction, nor leading zeros. */
export function wholeNumber(text: string, min: number, max: number | undefined): Problem {
  const number = Number(text);
  if (/^(0|[1-9]\d*)$/.test(text) && number >= min && number <= (max ?? NUMBER_MAX)) {
    return undefined;
  }
  const range = max === undefined ? `of at least ${min}` : `from ${min} to ${max}`;
  return `${quoted(text)} is not a whole number ${range}`;
}

/** Decimal digits with at most one decimal: `5`, `5.0`, `0.1`. */
function percent(text: string, min: number, max: number): Problem {
  const number = Number(text);
  return /^(0|[1-9]\d*)(\.\d)?$/.test(text) && number >= min && number <= max
    ? undefined
    : `${quoted(text)} is not a percentage from ${min} to ${max} in steps of 0.1`;
}

/** One of AWS's words, in AWS's case. */
function choice(text: string, choices: ReadonlyArray<string | number>): Problem {
  const words = choices.map(String);
  if (words.includes(text)) {
    return undefined;
  }
  const otherCase = words.find((word) => word.toLowerCase() === text.toLowerCase());
  if (otherCase !== undefined) {
    return `${quoted(text)} is in the wrong case, write ${quoted(otherCase)}`;
  }
  return `${quoted(text)} is not one of ${words.map(quoted).join(', ')}`;
}

function serviceName(text: string): Problem {
  return arns.isEcsName(text, LIMITS.SERVICE_NAME_LENGTH_MAX)
    ? undefined
    : `${quoted(text)} is not the name of a service, expected up to ${LIMITS.SERVICE_NAME_LENGTH_MAX} letters, ` +
        'digits, hyphens and underscores';
}

function image(text: string): Problem {
  if (text.includes('://')) {
    return 'is a URL, expected `repository/name:tag` or `repository/name@digest` without a scheme';
  }
  const beforeDigest = text.split('@', 1)[0] ?? '';
  if (beforeDigest === '' || !/^[!-~]+$/.test(text)) {
    return `${quoted(text)} is not an image, expected \`repository/name:tag\` or \`repository/name@digest\` without spaces`;
  }
  if (beforeDigest.length > LIMITS.IMAGE_LENGTH_MAX) {
    return `${quoted(text)} has ${beforeDigest.length} characters, at most ${LIMITS.IMAGE_LENGTH_MAX} are allowed`;
  }
  if (beforeDigest !== text && !/^sha256:[0-9a-f]{64}$/.test(text.slice(beforeDigest.length + 1))) {
    return `${quoted(text)} has no valid digest, expected \`@sha256:\` and 64 digits or letters from a to f`;
  }
  return /[A-Z]/.test(repository(beforeDigest))
    ? `${quoted(text)} has upper-case letters in its repository, expected lower case; a tag may have both`
    : undefined;
}

/** The name of an image without its registry and its tag. */
function repository(name: string): string {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  const isRegistry = /[.:A-Z]/.test(first) || first === 'localhost';
  return (isRegistry ? name.slice(slash + 1) : name).split(':', 1)[0] ?? '';
}

function healthCheckPath(text: string): Problem {
  if (!text.startsWith('/') && text.includes('://')) {
    return 'is a URL, expected only its path, such as `/health`';
  }
  if (!/^\/[!-~]*$/.test(text)) {
    return (
      `${quoted(text)} is not a path, expected one that starts with \`/\` and has no spaces; other characters than ` +
      'ASCII are percent-encoded'
    );
  }
  return atMost(text, LIMITS.HEALTH_CHECK_PATH_LENGTH_MAX);
}

function logGroup(text: string): Problem {
  if (!/^[A-Za-z0-9._\-/#]*$/.test(text) || text.startsWith('aws/')) {
    return (
      `${quoted(text)} is not the name of a log group, expected letters, digits and \`. _ - / #\`, not starting with ` +
      '`aws/`'
    );
  }
  return atMost(text, LIMITS.LOG_GROUP_LENGTH_MAX);
}

function logStreamPrefix(text: string): Problem {
  if (/[:*\p{Cc}]/u.test(text)) {
    return `${quoted(text)} may contain neither \`:\` nor \`*\``;
  }
  return atMost(text, LIMITS.LOG_STREAM_PREFIX_LENGTH_MAX);
}

function variableName(text: string): Problem {
  // A name with `=` is most often a whole `NAME=value`, so the text may hold a secret.
  if (/[=\p{Cc}]/u.test(text)) {
    return 'the name of an environment variable has no `=` and no control characters; the value goes into a property of its own';
  }
  return text.trim() === '' ? 'the name of an environment variable is not blank' : undefined;
}

function variableValue(text: string): Problem {
  return text.includes('\0') ? 'the value of an environment variable has no NUL character' : undefined;
}

function alarmName(text: string): Problem {
  // An ARN has the name behind `alarm:`; ECS wants the name alone.
  return text.startsWith('arn:') || /\p{Cc}/u.test(text)
    ? `${quoted(text)} is not the name of an alarm, expected a name without its ARN`
    : atMost(text, LIMITS.ALARM_NAME_LENGTH_MAX);
}

function hookDetails(text: string): Problem {
  try {
    const details: unknown = JSON.parse(text);
    if (typeof details === 'object' && details !== null && !Array.isArray(details)) {
      return atMost(text, LIMITS.HOOK_DETAILS_LENGTH_MAX);
    }
  } catch {
    // It is no JSON at all.
  }
  return 'is not the text of a JSON object';
}

function headerName(text: string): Problem {
  // The load balancer has a condition of its own for `Host`.
  return arns.isEcsName(text, LIMITS.HEADER_NAME_LENGTH_MAX) && text.toLowerCase() !== 'host'
    ? undefined
    : `${quoted(text)} is not the name of a header for tests, expected up to ${LIMITS.HEADER_NAME_LENGTH_MAX} letters, ` +
        'digits, hyphens and underscores, and not `Host`';
}

function headerValue(text: string): Problem {
  return /^[!-~]*$/.test(text) && !/[*?\\]/.test(text)
    ? atMost(text, LIMITS.HEADER_VALUE_LENGTH_MAX)
    : `${quoted(text)} may contain only visible ASCII characters, and no \`*\`, \`?\` or \`\\\`, which would make a pattern of it`;
}

function forceDeployment(text: string): Problem {
  return /\p{Cc}/u.test(text) ? 'may have no control characters' : atMost(text, LIMITS.FORCE_DEPLOYMENT_LENGTH_MAX);
}

function tagKey(text: string): Problem {
  const [reserved] = /^(aws:|express:|amazonecsmanaged)/i.exec(text) ?? [];
  if (reserved !== undefined) {
    const whose = reserved.toLowerCase() === 'aws:' ? 'AWS' : 'the provider';
    return `${quoted(text)} has a prefix that is reserved for ${whose}`;
  }
  return tagText(text, LIMITS.TAG_KEY_LENGTH_MAX);
}

function tagValue(text: string): Problem {
  return /^aws:/i.test(text)
    ? `${quoted(text)} has a prefix that is reserved for AWS`
    : tagText(text, LIMITS.TAG_VALUE_LENGTH_MAX);
}

function tagText(text: string, lengthMax: number): Problem {
  // AWS's own pattern. Marks, such as the vowel signs of Thai and Hindi, are no letters in it.
  return /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u.test(text)
    ? atMost(text, lengthMax)
    : `${quoted(text)} may contain only letters, digits, spaces and \`_ . : / = + - @\``;
}

function atMost(text: string, lengthMax: number): Problem {
  const { length } = [...text];
  return length > lengthMax ? `${quoted(text)} has ${length} characters, at most ${lengthMax} are allowed` : undefined;
}
