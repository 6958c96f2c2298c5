/**
 * The provider's own checks, in the provider's own words, as far as an app can know what it will get: whatever is a
 * token is right. `test/provider-fixtures.test.ts` holds this against the samples of provider-schema.
 *
 * One check is left to the provider: whether the attributes fit CloudFormation's answer, which depends on its domain
 * and on the ids of stack and request.
 */

import { isUnknown } from './shape';
import type { Environment, Shape } from './shape';
import { EXCLUDED_BY_TASK_DEFINITION, LIMITS, PROPERTIES } from '../schema.generated';
import { clusterName } from './arns';
import { contradictions, timeoutSuffices } from './deployment';
import type { Finding } from './deployment';
import { memoryForCpu } from './fargate';
import { PERCENT_MAX, judge, wholeNumber } from './rules';
import { kindOf, memberOf, quoted } from './texts';
import { explain } from './unknown-names';

/** Where the empty string is a value of its own. */
const MAY_BE_EMPTY = ['PrimaryContainer.Environment[].Value', 'Tags[].Value'];
/** What depends on another property is asked together with it. */
const ASKED_WITH_OTHERS = ['ScalingTarget.AutoScalingTargetValue', 'Deployment.CircuitBreaker.ThresholdConfiguration.Value'];

/** Of each lifecycle hook, at least one and each once. */
const STAGES = 'Deployment.LifecycleHooks[].LifecycleStages';

/** Everything that is wrong, a line each: a JSON pointer and what is wrong there. */
export function problemsOf(properties: unknown, environment: Environment): string[] {
  const bytes = hasUnknown(properties) ? 0 : Buffer.byteLength(JSON.stringify(properties));
  if (bytes > LIMITS.PROPERTIES_BYTES_MAX) {
    return [`the properties have ${bytes} bytes, at most ${LIMITS.PROPERTIES_BYTES_MAX} are allowed`];
  }
  const reading = new Reading(environment);
  if (reading.object(properties, '', '', PROPERTIES)) {
    reading.relations();
  }
  return reading.problems;
}

function hasUnknown(value: unknown): boolean {
  if (isUnknown(value)) {
    return true;
  }
  return typeof value === 'object' && value !== null && Object.values(value).some(hasUnknown);
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

/** An item that only CloudFormation knows may turn out to be none. */
function isKnown(items: unknown[]): boolean {
  return !items.some((item) => typeof item === 'object' && isUnknown(item));
}

/** A name with its place, for what must be unique. */
type Named = readonly [name: string, pointer: string];

/** One pass over the properties. What is valid by itself is kept, by path, for the rules across properties. */
class Reading {
  public readonly problems: string[] = [];
  /** Paths of what is given, valid or not, known or not. */
  private readonly given = new Set<string>();
  /** Paths of objects whose members are not known. */
  private readonly opaque = new Set<string>();
  /** Where there are problems. */
  private readonly places: string[] = [];
  private readonly valid = new Map<string, string>();
  private readonly lists = new Map<string, unknown[]>();
  private readonly variables: Named[] = [];
  private readonly tagKeys: Named[] = [];

  constructor(private readonly environment: Environment) {}

  /** Reads an object at a pointer; its path has no indices. False if it is none. */
  public object(value: unknown, pointer: string, path: string, shape: Shape): boolean {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.add(pointer, `expected an object, found ${kindOf(value)}`);
      return false;
    }
    const members = shape.members ?? {};
    const values = value as Record<string, unknown>;
    for (const [name, member] of Object.entries(members)) {
      const memberPath = path === '' ? name : `${path}.${name}`;
      this.member(values[name], memberOf(pointer, name), memberPath, member);
    }
    const known = Object.keys(members);
    const unread = Object.keys(values).filter((candidate) => !known.includes(candidate));
    for (const [name, problem] of explain(unread, known, pointer)) {
      this.add(memberOf(pointer, name), problem);
    }
    return true;
  }

  /** The rules across properties, asked about values that are valid on their own. */
  public relations(): void {
    this.deployment();
    this.taskDefinitionOrContainer();
    this.memoryFits();
    this.scaling();
    this.network();
    this.tags();
    this.unique(this.variables, 'is the same name as at');
    this.namesFit();
  }

  public isGiven(path: string): boolean {
    return this.given.has(path);
  }

  /** The value that counts: the default if none is given, nothing if it is invalid or not known. */
  public effective(path: string): string | undefined {
    if (this.given.has(path)) {
      return this.valid.get(path);
    }
    const names = path.split('.');
    if (names.some((_, index) => this.opaque.has(names.slice(0, index + 1).join('.')))) {
      return undefined;
    }
    const shape = names.reduce<Shape | undefined>((of, name) => of?.members?.[name], PROPERTIES);
    return shape?.default === undefined ? undefined : String(shape.default);
  }

  private addAll(findings: readonly Finding[]): void {
    findings.forEach(([pointer, problem]) => this.add(pointer, problem));
  }

  private add(pointer: string, problem: string): void {
    this.places.push(pointer);
    this.problems.push(pointer === '' ? problem : `${pointer}: ${problem}`);
  }

  private member(value: unknown, pointer: string, path: string, shape: Shape): void {
    const isMissing = MAY_BE_EMPTY.includes(path) ? value === undefined || value === null : isEmpty(value);
    if (isMissing) {
      if (shape.required) {
        this.add(pointer, 'is required');
      }
      return;
    }
    this.given.add(path);
    if (isUnknown(value)) {
      this.opaque.add(path);
      return;
    }
    switch (shape.kind) {
      case 'object':
        if (!this.object(value, pointer, path, shape)) {
          this.opaque.add(path);
        }
        break;
      case 'list':
        this.list(value, pointer, path, shape.items!);
        break;
      case 'text':
      case 'integer':
      case 'percent':
      case 'boolean':
      case 'choice':
        this.scalar(value, pointer, path, shape);
    }
  }

  private list(value: unknown, pointer: string, path: string, items: Shape): void {
    const isOfObjects = items.kind === 'object';
    if (!Array.isArray(value)) {
      this.add(pointer, `expected a list of ${isOfObjects ? 'objects' : 'strings'}, found ${kindOf(value)}`);
      return;
    }
    // An empty `CommaDelimitedList` parameter becomes a list of one empty string.
    const hasNothing = value.length === 0 || (!isOfObjects && value.length === 1 && isEmpty(value[0]));
    if (hasNothing) {
      if (path === STAGES) {
        this.add(pointer, 'is required');
      }
      return;
    }
    this.lists.set(path, value);
    value.forEach((item, index) => {
      const at = memberOf(pointer, String(index));
      if (isUnknown(item)) {
        return;
      }
      if (isOfObjects) {
        this.object(item, at, `${path}[]`, items);
      } else {
        this.scalar(item, at, `${path}[]`, items);
      }
    });
    if (path === STAGES) {
      this.uniqueIds(value, pointer);
    }
  }

  private scalar(value: unknown, pointer: string, path: string, shape: Shape): void {
    if (typeof value === 'object') {
      this.add(pointer, `expected a string, found ${kindOf(value)}`);
      return;
    }
    const text = String(value);
    const problem = ASKED_WITH_OTHERS.includes(path) ? undefined : judge(text, path, shape, this.environment);
    if (problem !== undefined) {
      this.add(pointer, problem);
      return;
    }
    this.valid.set(path, text);
    if (path === 'PrimaryContainer.Environment[].Name' || path === 'PrimaryContainer.Secrets[].Name') {
      this.variables.push([text, pointer]);
    } else if (path === 'Tags[].Key') {
      this.tagKeys.push([text, pointer]);
    }
  }

  private taskDefinitionOrContainer(): void {
    if (this.given.has('TaskDefinitionArn')) {
      for (const name of EXCLUDED_BY_TASK_DEFINITION.filter((excluded) => this.given.has(excluded))) {
        this.add(`/${name}`, 'cannot be given with `TaskDefinitionArn`');
      }
      if (this.given.has('Deployment.ForceDeployment')) {
        const problem = 'cannot be given with `TaskDefinitionArn`: a new revision of it is deployed';
        this.add('/Deployment/ForceDeployment', problem);
      }
      return;
    }
    for (const name of ['ExecutionRoleArn', 'PrimaryContainer'].filter((needed) => !this.given.has(needed))) {
      this.add(`/${name}`, 'is required unless `TaskDefinitionArn` is given');
    }
  }

  private memoryFits(): void {
    const [cpu, memory] = [this.effective('Cpu'), this.effective('Memory')];
    if (this.given.has('TaskDefinitionArn') || cpu === undefined || memory === undefined) {
      return;
    }
    const problem = memoryForCpu(Number(cpu), Number(memory));
    if (problem !== undefined) {
      this.add('/Memory', this.given.has('Memory') ? problem : `the default ${problem}`);
    }
  }

  private deployment(): void {
    const threshold = this.valid.get('Deployment.CircuitBreaker.ThresholdConfiguration.Value');
    this.addAll(contradictions(this, threshold));
    const pointer = '/Deployment/AlarmNames';
    const names = this.lists.get('Deployment.AlarmNames') ?? [];
    this.uniqueIds(names, pointer);
    if (names.length > LIMITS.ALARM_NAMES_MAX && isKnown(names)) {
      this.add(pointer, `${names.length} alarms are given, at most ${LIMITS.ALARM_NAMES_MAX} are allowed`);
    }
    const hooks = this.lists.get('Deployment.LifecycleHooks') ?? [];
    if (hooks.length > LIMITS.LIFECYCLE_HOOKS_MAX && isKnown(hooks)) {
      const problem = `${hooks.length} hooks are given, at most ${LIMITS.LIFECYCLE_HOOKS_MAX} are allowed`;
      this.add('/Deployment/LifecycleHooks', problem);
    }
    // Nothing is said about what follows from something wrong; what is no property at all changes nothing.
    const known = Object.keys(PROPERTIES.members.Deployment!.members!);
    const isSound = !this.places.some((place) => {
      const [, first, second] = place.split('/');
      return first === 'Deployment' && (second === undefined || known.includes(second));
    });
    const finding = isSound ? timeoutSuffices(this) : undefined;
    this.addAll(finding === undefined ? [] : [finding]);
  }

  private scaling(): void {
    const min = this.effective('ScalingTarget.MinTaskCount');
    const max = this.effective('ScalingTarget.MaxTaskCount');
    if (min !== undefined && max !== undefined && Number(min) > Number(max)) {
      this.add('/ScalingTarget/MinTaskCount', `\`${min}\` is more than \`MaxTaskCount\`, which is \`${max}\``);
    }
    const isShared = this.effective('LoadBalancer.Sharing') === 'SHARED';
    if (max !== undefined && isShared && Number(max) > LIMITS.SHARED_TASKS_MAX) {
      this.add(
        '/ScalingTarget/MaxTaskCount',
        `\`${max}\` is more than the ${LIMITS.SHARED_TASKS_MAX} that one service may have on a shared load balancer; ` +
          'lower it, or set `LoadBalancer.Sharing` to `DEDICATED`',
      );
    }
    const value = this.valid.get('ScalingTarget.AutoScalingTargetValue');
    if (value !== undefined) {
      const metric = this.effective('ScalingTarget.AutoScalingMetric');
      const isPercentage = metric === 'AVERAGE_CPU' || metric === 'AVERAGE_MEMORY';
      const problem = wholeNumber(value, 1, isPercentage ? PERCENT_MAX : undefined);
      if (problem !== undefined) {
        this.add('/ScalingTarget/AutoScalingTargetValue', problem);
      }
    }
  }

  private network(): void {
    const groups = this.lists.get('NetworkConfiguration.SecurityGroups') ?? [];
    const subnets = this.lists.get('NetworkConfiguration.Subnets') ?? [];
    this.uniqueIds(groups, '/NetworkConfiguration/SecurityGroups');
    this.uniqueIds(subnets, '/NetworkConfiguration/Subnets');
    if (groups.length > LIMITS.SECURITY_GROUPS_MAX && isKnown(groups)) {
      this.add(
        '/NetworkConfiguration/SecurityGroups',
        `${groups.length} security groups are given, at most ${LIMITS.SECURITY_GROUPS_MAX} are allowed: a task has ` +
          "five, and one is the provider's",
      );
    }
    if (subnets.length > LIMITS.SUBNETS_MAX && isKnown(subnets)) {
      const problem = `${subnets.length} subnets are given, at most ${LIMITS.SUBNETS_MAX} are allowed`;
      this.add('/NetworkConfiguration/Subnets', problem);
    }
    // None at all means those of the default VPC.
    if (subnets.length > 0 && subnets.length < LIMITS.SUBNETS_MIN) {
      this.add('/NetworkConfiguration/Subnets', 'one subnet is given, expected two or more in different zones');
    }
  }

  private uniqueIds(ids: unknown[], pointer: string): void {
    const texts = ids.filter((id): id is string => typeof id === 'string' && !isUnknown(id)).sort();
    const repeated = texts.filter((id, index) => id === texts[index + 1]);
    for (const id of new Set(repeated)) {
      this.add(pointer, `${quoted(id)} is given more than once`);
    }
  }

  private tags(): void {
    const { length } = this.lists.get('Tags') ?? [];
    if (length > LIMITS.TAGS_MAX) {
      this.add(
        '/Tags',
        `${length} tags are given, at most ${LIMITS.TAGS_MAX} are allowed: a resource has ` +
          `${LIMITS.TAGS_PER_RESOURCE}, and ${LIMITS.TAGS_OURS} are the provider's`,
      );
    }
    this.unique(this.tagKeys, 'is the same key as at');
  }

  private unique(names: readonly Named[], problem: string): void {
    const firstAt = new Map<string, string>();
    for (const [name, pointer] of names) {
      const first = firstAt.get(name);
      if (first === undefined) {
        firstAt.set(name, pointer);
      } else {
        this.add(pointer, `${problem} ${first}`);
      }
    }
  }

  private namesFit(): void {
    const cluster = this.effective('Cluster');
    const service = this.valid.get('ServiceName') ?? '';
    const length = cluster === undefined ? 0 : clusterName(cluster).length + service.length;
    if (length > LIMITS.CLUSTER_AND_SERVICE_LENGTH_MAX) {
      this.add(
        '',
        `\`Cluster\` and \`ServiceName\` have ${length} characters together, at most ` +
          `${LIMITS.CLUSTER_AND_SERVICE_LENGTH_MAX} are allowed`,
      );
    }
  }
}
